/*
 * tillpoint.exe: starts the version of Tillpoint that the pointer names, in this very process.
 *
 * Beside it lie `current` (the pointer: one line of UTF-8, the absolute path of a version folder) and `versions\`.
 * A pointer that is not there is the ordinary state after an installation; one that cannot be used is said, on standard
 * error and in the event log. In both cases the newest folder of `versions\` runs. The updater (`update apply`, `service
 * host-updater`) takes the pointer `good` first: after a power cut `current` may name what cannot even start. The version's python311.dll is loaded
 * here and its Py_Main called, so that the process the service manager started is the process that serves it.
 *
 * It shows no message boxes: nobody may be there to press a button. Exit code 3: nothing could be started.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>
#include <windows.h>

#include "messages.h"

#define PATH_UNITS 32768
#define POINTER_BYTES 4096
#define SENTENCE_UNITS 2048
#define NOT_STARTED 3
#define WORDS_ADDED 4 /* -I -S -B start.py */

typedef int (*py_main)(int, wchar_t **);

static wchar_t home[PATH_UNITS];   /* the folder of this program, without its last backslash */
static wchar_t folder[PATH_UNITS]; /* the version folder that is started */

/* One sentence, on standard error and in the event log under the source "Tillpoint". */
static void say(WORD kind, DWORD message, const wchar_t *form, ...)
{
    static wchar_t sentence[SENTENCE_UNITS];
    va_list values;
    va_start(values, form);
    _vsnwprintf(sentence, SENTENCE_UNITS - 1, form, values);
    va_end(values);

    /* As UTF-8 bytes: what reads a service's or a build's output expects these; a console shows ASCII either way. */
    char bytes[SENTENCE_UNITS * 3];
    int length = WideCharToMultiByte(CP_UTF8, 0, sentence, -1, bytes, sizeof bytes, NULL, NULL);
    HANDLE error = GetStdHandle(STD_ERROR_HANDLE);
    DWORD written;
    if (length > 1 && error != NULL && error != INVALID_HANDLE_VALUE) {
        WriteFile(error, "tillpoint: ", 11, &written, NULL);
        WriteFile(error, bytes, (DWORD)length - 1, &written, NULL);
        WriteFile(error, "\r\n", 2, &written, NULL);
    }
    HANDLE log = RegisterEventSourceW(NULL, L"Tillpoint");
    if (log != NULL) {
        const wchar_t *strings[1] = {sentence};
        ReportEventW(log, kind, 0, message, NULL, 1, 0, strings, NULL);
        DeregisterEventSource(log);
    }
}

static BOOL is_file(const wchar_t *path)
{
    DWORD found = GetFileAttributesW(path);
    return found != INVALID_FILE_ATTRIBUTES && !(found & FILE_ATTRIBUTE_DIRECTORY);
}

/* Whether a version can be started from `where`: both files that this program itself needs are there. */
static BOOL is_version(const wchar_t *where)
{
    static wchar_t path[PATH_UNITS + 32];
    swprintf(path, PATH_UNITS + 32, L"%ls\\start.py", where);
    if (!is_file(path))
        return FALSE;
    swprintf(path, PATH_UNITS + 32, L"%ls\\python311.dll", where);
    return is_file(path);
}

/* "C:\…" or "\\server\…": a relative pointer would mean another folder for every caller. */
static BOOL is_absolute(const wchar_t *path)
{
    return (iswalpha(path[0]) && path[1] == L':' && path[2] == L'\\') || (path[0] == L'\\' && path[1] == L'\\');
}

/* What the pointer names, into `folder`; FALSE when it is not there or names nothing that can be started. */
static BOOL follow_pointer(const wchar_t *name)
{
    static wchar_t path[PATH_UNITS + 32];
    swprintf(path, PATH_UNITS + 32, L"%ls\\%ls", home, name);
    HANDLE file = CreateFileW(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                              OPEN_EXISTING, 0, NULL);
    if (file == INVALID_HANDLE_VALUE) {
        DWORD reason = GetLastError();
        if (reason != ERROR_FILE_NOT_FOUND)
            say(EVENTLOG_WARNING_TYPE, MSG_WARNING, L"cannot read %ls (Windows error %lu); another version is looked for",
                path, reason);
        return FALSE;
    }
    char bytes[POINTER_BYTES + 1];
    DWORD length = 0;
    BOOL is_read = ReadFile(file, bytes, POINTER_BYTES, &length, NULL);
    CloseHandle(file);
    bytes[is_read ? length : 0] = '\0';
    char *start = strncmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? bytes + 3 : bytes; /* Notepad puts a mark in front */
    start += strspn(start, " \t\r\n");
    start[strcspn(start, "\r\n")] = '\0';
    for (size_t end = strlen(start); end > 0 && strchr(" \t\\", start[end - 1]); end--)
        start[end - 1] = '\0';
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, start, -1, folder, PATH_UNITS - 32))
        folder[0] = L'\0';
    if (is_absolute(folder) && is_version(folder))
        return TRUE;
    say(EVENTLOG_WARNING_TYPE, MSG_WARNING, L"%ls names no version that can be started (\"%.200ls\"); another is looked for",
        path, folder);
    return FALSE;
}

/* Below 0, 0, above 0: numbers part by part; of two alike, one with letters behind ("1.0rc1") is the older. */
static int compare_versions(const wchar_t *one, const wchar_t *other)
{
    for (;;) {
        wchar_t *one_end, *other_end;
        unsigned long one_part = wcstoul(one, &one_end, 10), other_part = wcstoul(other, &other_end, 10);
        if (one_part != other_part)
            return one_part < other_part ? -1 : 1;
        if (*one_end == L'.' && iswdigit(one_end[1]) && *other_end == L'.' && iswdigit(other_end[1])) {
            one = one_end + 1;
            other = other_end + 1;
            continue;
        }
        BOOL is_one_early = *one_end != L'\0' && !(*one_end == L'.' && iswdigit(one_end[1])) && *one_end != L'+';
        BOOL is_other_early = *other_end != L'\0' && !(*other_end == L'.' && iswdigit(other_end[1])) && *other_end != L'+';
        if (is_one_early != is_other_early)
            return is_one_early ? -1 : 1;
        return wcscmp(one_end, other_end);
    }
}

/* The newest folder of `versions\`, into `folder`. */
static BOOL find_newest(void)
{
    static wchar_t path[PATH_UNITS + 300];
    wchar_t newest[MAX_PATH] = L"";
    WIN32_FIND_DATAW found;
    swprintf(path, PATH_UNITS + 300, L"%ls\\versions\\*", home);
    HANDLE search = FindFirstFileW(path, &found);
    if (search == INVALID_HANDLE_VALUE)
        return FALSE;
    do {
        if (!(found.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) || !iswdigit(found.cFileName[0]))
            continue;
        swprintf(path, PATH_UNITS + 300, L"%ls\\versions\\%ls", home, found.cFileName);
        if (is_version(path) && (newest[0] == L'\0' || compare_versions(newest, found.cFileName) < 0))
            wcscpy(newest, found.cFileName);
    } while (FindNextFileW(search, &found));
    FindClose(search);
    swprintf(folder, PATH_UNITS, L"%ls\\versions\\%ls", home, newest);
    return newest[0] != L'\0';
}

/* python311.dll of `folder`, and Py_Main with what this program was given. */
static int run_version(int count, wchar_t **given)
{
    static wchar_t path[PATH_UNITS + 32], start[PATH_UNITS + 32];
    swprintf(path, PATH_UNITS + 32, L"%ls\\python311.dll", folder);
    swprintf(start, PATH_UNITS + 32, L"%ls\\start.py", folder);
    /* What python311.dll itself needs lies beside it, not beside us; and extensions ask for the C runtime there. */
    AddDllDirectory(folder);
    HMODULE library = LoadLibraryExW(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    py_main run = library ? (py_main)(void *)GetProcAddress(library, "Py_Main") : NULL;
    if (run == NULL) {
        say(EVENTLOG_ERROR_TYPE, MSG_FAILED, L"cannot load %ls (Windows error %lu); install Tillpoint again", path,
            GetLastError());
        return NOT_STARTED;
    }
    wchar_t **words = calloc((size_t)count + WORDS_ADDED + 1, sizeof *words);
    if (words == NULL)
        return NOT_STARTED;
    words[0] = given[0];
    words[1] = L"-I"; /* nothing of the user's environment or folders */
    words[2] = L"-S"; /* no site: start.py alone says where the packages are */
    words[3] = L"-B"; /* nothing is written into the version folder */
    words[4] = start;
    for (int place = 1; place < count; place++)
        words[WORDS_ADDED + place] = given[place];
    return run(count + WORDS_ADDED, words);
}

/* Whether this is the updater's own start. */
static BOOL is_updater(int count, wchar_t **given)
{
    return count > 2 && ((wcscmp(given[1], L"update") == 0 && wcscmp(given[2], L"apply") == 0) ||
                         (wcscmp(given[1], L"service") == 0 && wcscmp(given[2], L"host-updater") == 0));
}

int wmain(int count, wchar_t **given)
{
    SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    /* A library is never looked for in the folder somebody happens to stand in. */
    SetDllDirectoryW(L"");
    DWORD length = GetModuleFileNameW(NULL, home, PATH_UNITS);
    while (length > 0 && home[length - 1] != L'\\')
        length--;
    if (length == 0)
        return NOT_STARTED;
    home[length - 1] = L'\0';
    BOOL is_found = (is_updater(count, given) && follow_pointer(L"good")) || follow_pointer(L"current") || find_newest();
    if (!is_found) {
        say(EVENTLOG_ERROR_TYPE, MSG_FAILED, L"there is no version in %ls\\versions that can be started; install Tillpoint again",
            home);
        return NOT_STARTED;
    }
    return run_version(count, given);
}
