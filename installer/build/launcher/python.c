/* python.exe: the interpreter of the folder it lies in, and nothing else; what a wheel lacks that carries python311.dll alone. */

#include <stdio.h>
#include <windows.h>

#define PATH_UNITS 32768

typedef int (*py_main)(int, wchar_t **);

int wmain(int count, wchar_t **words)
{
    static wchar_t path[PATH_UNITS];
    DWORD length = GetModuleFileNameW(NULL, path, PATH_UNITS);
    while (length > 0 && path[length - 1] != L'\\')
        length--;
    if (length == 0 || length + 16 > PATH_UNITS)
        return 3;
    wcscpy(path + length, L"python311.dll");
    /* Altered search: what python311.dll itself needs lies beside it. */
    HMODULE library = LoadLibraryExW(path, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
    py_main run = library ? (py_main)(void *)GetProcAddress(library, "Py_Main") : NULL;
    if (run == NULL) {
        fwprintf(stderr, L"python: cannot load %ls (Windows error %lu); install Tillpoint again\n", path, GetLastError());
        return 3;
    }
    return run(count, words);
}
