; The installer for hands and scripts: Tillpoint-VERSION-setup.exe [/S] [/PANEL] [words for tillpoint setup] [/D=FOLDER]
; It decides nothing: it lays the version down beside the old one, lets programs do the work, and takes everything back
; when one of them fails. installer/build/nsis.py calls makensis with the names in ${…}. NSIS reads options badly (its
; GetOptions cuts an address at "//"), so the whole command line goes to `tillpoint setup`, but for the words above.

Unicode true
Target amd64-unicode
!ifdef QUICK
  SetCompressor zlib
!else
  SetCompressor /SOLID lzma
  SetCompressorDictSize 32
!endif

!include LogicLib.nsh
!include FileFunc.nsh
!include WordFunc.nsh
!include x64.nsh

!define UNINSTALL "Software\Microsoft\Windows\CurrentVersion\Uninstall\Tillpoint"

Name "Tillpoint ${VERSION}"
OutFile "${OUT}"
InstallDir "$PROGRAMFILES64\Tillpoint"
RequestExecutionLevel admin
ManifestSupportedOS all
XPStyle on
ShowInstDetails show
ShowUninstDetails show
BrandingText "Tillpoint ${VERSION}"
VIProductVersion "${NUMBERS}"
VIAddVersionKey "ProductName" "Tillpoint"
VIAddVersionKey "CompanyName" "Tillpoint"
VIAddVersionKey "FileDescription" "Tillpoint: loyalty at the till"
VIAddVersionKey "FileVersion" "${VERSION}"
VIAddVersionKey "ProductVersion" "${VERSION}"
VIAddVersionKey "LegalCopyright" "MIT"

Page instfiles
UninstPage uninstConfirm
UninstPage instfiles

Var Words   ; for `tillpoint setup`
Var Panel   ; 1: the panel at logon
Var Purge   ; 1: data goes too
Var Log     ; handle of the log
Var Was     ; 1: Tillpoint was installed here before
Var Laid    ; 1: the folder of this version is the one that was laid down just now
Var Said    ; what a program said last
Var Code    ; how it ended

; One line into the log and into the window.
!macro Tell words
  DetailPrint "${words}"
  ${If} $Log != ""
    FileWriteUTF16LE $Log "${words}$\r$\n"
  ${EndIf}
!macroend
!define Tell "!insertmacro Tell"

; Run a program to its end: $Code is how it ended, what it said goes into the log.
!macro Call command
  nsExec::ExecToStack '${command}'
  Pop $Code
  Pop $Said
  ${If} $Code == "error"
    ; nsExec did not start it (seen once on a very busy machine): again, without its pipe.
    StrCpy $Said "started again"
    StrCpy $Code 1
    ExecWait '${command}' $Code
  ${EndIf}
  ${Tell} "$Said"
!macroend
!define Call "!insertmacro Call"

; The same, and give up when it failed.
!macro Need name command
  ${Call} '${command}'
  ${If} $Code != 0
    ${Tell} "${name} failed ($Code)"
    Goto undo
  ${EndIf}
!macroend
!define Need "!insertmacro Need"

!macro Opened
  InitPluginsDir
  FileOpen $Log "$TEMP\tillpoint-setup.log" w
  ${If} $Log != ""
    FileWriteWord $Log 65279
  ${EndIf}
!macroend

Function .onInit
  SetRegView 64
  SetShellVarContext all
  ${GetParameters} $Words
  ; The folder of /D= is the rest of the line; makensis' own code has read it already.
  ${WordFind} " $Words" " /D=" "+1{" $Words
  ${WordReplace} "$Words " " /S " " " "+" $Words
  ${WordReplace} "$Words" " /NCRC " " " "+" $Words
  StrCpy $Panel 0
  ${WordReplace} "$Words" " /PANEL " " " "E+" $0
  ${IfNot} ${Errors}
    StrCpy $Panel 1
    StrCpy $Words $0
  ${EndIf}
  ClearErrors
FunctionEnd

Function un.onInit
  SetRegView 64
  SetShellVarContext all
  ${GetParameters} $Words
  StrCpy $Purge 0
  ${WordReplace} " $Words " " /PURGE " " " "E+" $0
  ${IfNot} ${Errors}
    StrCpy $Purge 1
  ${EndIf}
  ClearErrors
FunctionEnd

Section "Tillpoint"
  !insertmacro Opened
  ${Tell} "Tillpoint ${VERSION} into $INSTDIR"
  SetOutPath $PLUGINSDIR
  File "/oname=$PLUGINSDIR\clear.exe" "${CLEAR}"

  ReadRegStr $0 HKLM "Software\Tillpoint" "Owner"
  StrCpy $1 $0 1
  ${If} $1 == "{"
    ${Tell} "Tillpoint was installed here by its MSI: upgrade it with the MSI, or remove it first"
    SetErrorLevel 4
    Goto ended
  ${EndIf}
  StrCpy $Laid 0
  StrCpy $Was 0
  ${If} ${FileExists} "$INSTDIR\tillpoint.exe"
    StrCpy $Was 1
  ${EndIf}

  ; Beside everything else, under a name that no launcher takes; what a cut installation left goes first.
  RMDir /r "$INSTDIR\versions\.new"
  ClearErrors
  SetOutPath "$INSTDIR\versions\.new"
  File /r "${PAYLOAD}/*"
  ${If} ${Errors}
    ${Tell} "The files could not be written to $INSTDIR: see that the disk has room"
    SetOutPath $TEMP
    RMDir /r "$INSTDIR\versions\.new"
    SetErrorLevel 3
    Goto ended
  ${EndIf}

  SetOutPath $INSTDIR
  ${Need} "Stopping the service" '"$PLUGINSDIR\clear.exe" "$INSTDIR" --keep'
  ClearErrors
  RMDir /r "$INSTDIR\versions\.old"
  ${If} ${FileExists} "$INSTDIR\versions\${VERSION}\start.py"
    Rename "$INSTDIR\versions\${VERSION}" "$INSTDIR\versions\.old"
  ${EndIf}
  Rename "$INSTDIR\versions\.new" "$INSTDIR\versions\${VERSION}"
  ${IfNot} ${Errors}
    StrCpy $Laid 1
  ${EndIf}
  File "${LAUNCHERS}/tillpoint.exe"
  File "${LAUNCHERS}/tillpointw.exe"
  ${If} ${Errors}
    ${Tell} "$INSTDIR is in use: close what is open there"
    Goto undo
  ${EndIf}

  StrCpy $2 "$INSTDIR\versions\${VERSION}"
  ${Need} "The new version" '"$2\python.exe" -I -S -B "$2\start.py" package take-place --by exe'
  ${Need} "tillpoint setup" '"$INSTDIR\tillpoint.exe" package set-up $Words'
  ${Need} "tillpoint service install" '"$INSTDIR\tillpoint.exe" service install'
  ${Need} "tillpoint service start" '"$INSTDIR\tillpoint.exe" service start'
  ${If} $Panel == 1
    ${Call} '"$INSTDIR\tillpoint.exe" panel --install-logon'
  ${EndIf}

  WriteUninstaller "$INSTDIR\uninstall.exe"
  WriteRegStr HKLM "Software\Tillpoint" "Owner" "exe"
  WriteRegStr HKLM "Software\Tillpoint" "Folder" "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayName" "Tillpoint"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayVersion" "${VERSION}"
  WriteRegStr HKLM "${UNINSTALL}" "Publisher" "Tillpoint"
  WriteRegStr HKLM "${UNINSTALL}" "DisplayIcon" "$INSTDIR\tillpoint.exe"
  WriteRegStr HKLM "${UNINSTALL}" "InstallLocation" "$INSTDIR"
  WriteRegStr HKLM "${UNINSTALL}" "UninstallString" '"$INSTDIR\uninstall.exe"'
  WriteRegStr HKLM "${UNINSTALL}" "QuietUninstallString" '"$INSTDIR\uninstall.exe" /S'
  WriteRegDWORD HKLM "${UNINSTALL}" "NoModify" 1
  WriteRegDWORD HKLM "${UNINSTALL}" "NoRepair" 1
  RMDir /r "$INSTDIR\versions\.old"
  ${Call} '"$PLUGINSDIR\clear.exe" "$INSTDIR" --drop'
  ${Tell} "Tillpoint ${VERSION} is installed and runs"
  SetErrorLevel 0
  ; Somebody sits there who has told nothing yet: the three questions.
  ${IfNot} ${Silent}
  ${AndIf} $Was == 0
    Exec '"$SYSDIR\cmd.exe" /k ""$INSTDIR\tillpoint.exe" setup"'
  ${EndIf}
  Goto ended

undo:
  ; As it was: the old version runs again; of a first installation the data stays, a repeated one goes on with it.
  ${Tell} "The installation failed; everything is taken back"
  ${Call} '"$PLUGINSDIR\clear.exe" "$INSTDIR"'
  ${If} $Laid == 1
    ${Call} '"$INSTDIR\versions\${VERSION}\python.exe" -I -S -B "$INSTDIR\versions\${VERSION}\start.py" package take-back'
  ${EndIf}
  SetOutPath $TEMP
  RMDir /r "$INSTDIR\versions\.new"
  ${If} $Was == 1
    ${If} ${FileExists} "$INSTDIR\versions\.old\start.py"
      RMDir /r "$INSTDIR\versions\${VERSION}"
      Rename "$INSTDIR\versions\.old" "$INSTDIR\versions\${VERSION}"
    ${ElseIf} $Laid == 1
      RMDir /r "$INSTDIR\versions\${VERSION}"
    ${EndIf}
    ; Only for the copies that the first call laid aside: a launcher without a copy is the one that was there.
    ${If} ${FileExists} "$INSTDIR\tillpoint.exe.old"
      Delete "$INSTDIR\tillpoint.exe"
    ${EndIf}
    ${If} ${FileExists} "$INSTDIR\tillpointw.exe.old"
      Delete "$INSTDIR\tillpointw.exe"
    ${EndIf}
    ${Call} '"$PLUGINSDIR\clear.exe" "$INSTDIR" --start'
  ${Else}
    Delete "$INSTDIR\tillpoint.exe"
    Delete "$INSTDIR\tillpointw.exe"
    ${Call} '"$PLUGINSDIR\clear.exe" "$INSTDIR" --delete-services --remove'
  ${EndIf}
  SetErrorLevel 1

ended:
  ${If} $Log != ""
    FileClose $Log
  ${EndIf}
SectionEnd

Section "Uninstall"
  !insertmacro Opened
  ${Tell} "Removing Tillpoint from $INSTDIR"
  SetOutPath $PLUGINSDIR
  File "/oname=$PLUGINSDIR\clear.exe" "${CLEAR}"
  ${Call} '"$INSTDIR\tillpoint.exe" panel --remove-logon'
  ${Call} '"$INSTDIR\tillpoint.exe" service remove'
  ${Call} '"$PLUGINSDIR\clear.exe" "$INSTDIR" --delete-services'
  Delete "$INSTDIR\tillpoint.exe"
  Delete "$INSTDIR\tillpointw.exe"
  Delete "$INSTDIR\uninstall.exe"
  SetOutPath $TEMP
  ${If} $Purge == 1
    ${Call} '"$PLUGINSDIR\clear.exe" "$INSTDIR" --remove --purge "$APPDATA\Tillpoint"'
  ${Else}
    ${Call} '"$PLUGINSDIR\clear.exe" "$INSTDIR" --remove'
  ${EndIf}
  StrCpy $0 $Code
  DeleteRegKey HKLM "${UNINSTALL}"
  DeleteRegKey HKLM "Software\Tillpoint"
  ${If} $0 != 0
    SetErrorLevel 1
  ${EndIf}
  ${If} $Log != ""
    FileClose $Log
  ${EndIf}
SectionEnd
