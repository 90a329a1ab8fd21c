/*
 * tillpoint-clear.exe: what an installer must do when no Python of Tillpoint may run: stop, wait, kill by path, remove.
 *
 *     tillpoint-clear.exe FOLDER [--keep] [--delete-services] [--remove] [--purge DATA-FOLDER]
 *     tillpoint-clear.exe FOLDER --start | --drop
 *
 * Stops both services and waits; gives programs that run from FOLDER a few seconds and ends those that are left, by
 * their path and never by their name. --delete-services unregisters the services; --remove takes away what is ours in
 * FOLDER (versions, pointers, notes), and FOLDER itself when nothing else is in it; --purge removes the till's data.
 * --keep lays copies of the launchers aside; --drop takes them away, with the note of how it was before (agent/packaged):
 * a later installation that fails must not go back to before this one. --start gives the old version back after an
 * installation that failed: launchers that are gone come back from those copies, and the service Tillpoint is started.
 * Exit code 0: done; 1: something is still there; 2: a wrong command line.
 */

#include <stdio.h>
#include <wchar.h>
#include <windows.h>

#include <tlhelp32.h>

#define PATH_UNITS 32768
#define STOP_MS 45000  /* the agent ends its receipt first; the service manager itself waits 30 s */
#define GRACE_MS 5000  /* a child of the service that has just stopped */
#define LOOK_MS 100
#define TRIES 50       /* a virus scanner holds a fresh file for a moment */

static const wchar_t *const services[] = {L"TillpointUpdater", L"Tillpoint"};
static const wchar_t *const ours[] = {L"current", L"current.new", L"good", L"good.new", L"package", L"package.new",
                                      L"tillpoint.exe.old", L"tillpointw.exe.old"};
static const wchar_t *const launchers[] = {L"tillpoint.exe", L"tillpointw.exe"};

/* Stop one service and wait until the service manager says that it is; 0 when it is stopped or was never there. */
static int stop_service(SC_HANDLE manager, const wchar_t *name)
{
    SC_HANDLE service = OpenServiceW(manager, name, SERVICE_STOP | SERVICE_QUERY_STATUS);
    if (service == NULL)
        return 0;
    SERVICE_STATUS status;
    ControlService(service, SERVICE_CONTROL_STOP, &status);
    int left = 1;
    for (DWORD waited = 0; left && waited < STOP_MS; waited += LOOK_MS) {
        if (!QueryServiceStatus(service, &status) || status.dwCurrentState == SERVICE_STOPPED)
            left = 0;
        else
            Sleep(LOOK_MS);
    }
    CloseServiceHandle(service);
    if (left)
        fwprintf(stderr, L"tillpoint-clear: the service %ls did not stop in time\n", name);
    return left;
}

static void delete_service(SC_HANDLE manager, const wchar_t *name)
{
    SC_HANDLE service = OpenServiceW(manager, name, DELETE);
    if (service == NULL)
        return;
    DeleteService(service);
    CloseServiceHandle(service);
}

static int start_service(SC_HANDLE manager, const wchar_t *name)
{
    SC_HANDLE service = OpenServiceW(manager, name, SERVICE_START);
    if (service == NULL)
        return 0;
    BOOL is_started = StartServiceW(service, 0, NULL) || GetLastError() == ERROR_SERVICE_ALREADY_RUNNING;
    CloseServiceHandle(service);
    return is_started ? 0 : 1;
}

/* Whether a process runs from below `folder`, which ends with a backslash. */
static BOOL runs_from(DWORD id, const wchar_t *folder, HANDLE *process)
{
    static wchar_t path[PATH_UNITS], full[PATH_UNITS];
    DWORD length = PATH_UNITS;
    *process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_TERMINATE | SYNCHRONIZE, FALSE, id);
    if (*process == NULL)
        return FALSE;
    if (QueryFullProcessImageNameW(*process, 0, path, &length)) {
        if (!GetLongPathNameW(path, full, PATH_UNITS))
            wcscpy(full, path);
        if (_wcsnicmp(full, folder, wcslen(folder)) == 0)
            return TRUE;
    }
    CloseHandle(*process);
    return FALSE;
}

/* End what runs from `folder`: each gets `grace_ms` to end by itself. Says how many could not be ended. */
static int end_programs(const wchar_t *folder, DWORD grace_ms)
{
    PROCESSENTRY32W entry = {.dwSize = sizeof entry};
    HANDLE list = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
    int left = 0;
    if (list == INVALID_HANDLE_VALUE)
        return 0;
    for (BOOL more = Process32FirstW(list, &entry); more; more = Process32NextW(list, &entry)) {
        HANDLE process;
        if (entry.th32ProcessID == GetCurrentProcessId() || !runs_from(entry.th32ProcessID, folder, &process))
            continue;
        if (WaitForSingleObject(process, grace_ms) != WAIT_OBJECT_0) {
            TerminateProcess(process, 1);
            left += WaitForSingleObject(process, GRACE_MS) != WAIT_OBJECT_0;
        }
        CloseHandle(process);
    }
    CloseHandle(list);
    return left;
}

/* Remove a file, or a folder with everything below it; a link is removed and never followed. 0 when it is gone. */
static int remove_path(const wchar_t *path)
{
    DWORD found = GetFileAttributesW(path);
    if (found == INVALID_FILE_ATTRIBUTES)
        return 0;
    if (found & FILE_ATTRIBUTE_READONLY)
        SetFileAttributesW(path, found & ~(DWORD)FILE_ATTRIBUTE_READONLY);
    BOOL is_folder = (found & FILE_ATTRIBUTE_DIRECTORY) != 0;
    if (is_folder && !(found & FILE_ATTRIBUTE_REPARSE_POINT)) {
        size_t length = wcslen(path);
        wchar_t *below = malloc((length + MAX_PATH + 2) * sizeof *below);
        WIN32_FIND_DATAW entry;
        if (below == NULL)
            return 1;
        swprintf(below, length + MAX_PATH + 2, L"%ls\\*", path);
        HANDLE search = FindFirstFileW(below, &entry);
        if (search != INVALID_HANDLE_VALUE) {
            do {
                if (wcscmp(entry.cFileName, L".") == 0 || wcscmp(entry.cFileName, L"..") == 0)
                    continue;
                swprintf(below, length + MAX_PATH + 2, L"%ls\\%ls", path, entry.cFileName);
                remove_path(below);
            } while (FindNextFileW(search, &entry));
            FindClose(search);
        }
        free(below);
    }
    for (int tried = 0; tried < TRIES; tried++) {
        if (is_folder ? RemoveDirectoryW(path) : DeleteFileW(path))
            return 0;
        DWORD reason = GetLastError();
        if (reason == ERROR_FILE_NOT_FOUND || reason == ERROR_PATH_NOT_FOUND)
            return 0;
        if (reason == ERROR_DIR_NOT_EMPTY && tried > 2)
            break;
        Sleep(LOOK_MS);
    }
    fwprintf(stderr, L"tillpoint-clear: cannot remove %ls (Windows error %lu)\n", path, GetLastError());
    return 1;
}

/* What is ours in `folder`, which ends with a backslash; the folder itself when it is empty then. */
static int remove_ours(wchar_t *folder)
{
    static wchar_t path[PATH_UNITS + 64];
    int left = 0;
    swprintf(path, PATH_UNITS + 64, L"%lsversions", folder);
    left += remove_path(path);
    for (size_t place = 0; place < sizeof ours / sizeof *ours; place++) {
        swprintf(path, PATH_UNITS + 64, L"%ls%ls", folder, ours[place]);
        left += remove_path(path);
    }
    folder[wcslen(folder) - 1] = L'\0';
    RemoveDirectoryW(folder); /* somebody else's file in it keeps it */
    return left;
}

/* What `tillpoint package take-place` noted for the way back; `folder` ends with a backslash. */
static void forget_before(const wchar_t *folder)
{
    static const wchar_t *const notes[] = {L"installer.json", L"installer"};
    static wchar_t path[PATH_UNITS + 64];
    for (size_t place = 0; place < sizeof notes / sizeof *notes; place++) {
        swprintf(path, PATH_UNITS + 64, L"%lsversions\\.work\\%ls", folder, notes[place]);
        remove_path(path);
    }
}

enum copies { KEEP, GIVE_BACK, DROP };

/* The launchers and their copies in `folder`, which ends with a backslash. */
static void handle_copies(const wchar_t *folder, enum copies wish)
{
    static wchar_t path[PATH_UNITS + 64], copy[PATH_UNITS + 64];
    for (size_t place = 0; place < sizeof launchers / sizeof *launchers; place++) {
        swprintf(path, PATH_UNITS + 64, L"%ls%ls", folder, launchers[place]);
        swprintf(copy, PATH_UNITS + 64, L"%ls.old", path);
        if (wish == KEEP)
            CopyFileW(path, copy, FALSE); /* none is there yet: a first installation */
        else if (wish == DROP)
            remove_path(copy);
        else if (GetFileAttributesW(path) == INVALID_FILE_ATTRIBUTES)
            MoveFileExW(copy, path, 0);
    }
}

/* The long form of a path with exactly one backslash at its end; FALSE for what is no folder of a program or its data. */
static BOOL spelled_out(const wchar_t *given, wchar_t *into)
{
    static wchar_t full[PATH_UNITS];
    if (!GetFullPathNameW(given, PATH_UNITS - 2, full, NULL))
        return FALSE;
    if (!GetLongPathNameW(full, into, PATH_UNITS - 2))
        wcscpy(into, full); /* not there: nothing runs from it */
    size_t length = wcslen(into);
    while (length > 0 && into[length - 1] == L'\\')
        into[--length] = L'\0';
    if (length < 4) /* a drive's root is never ours */
        return FALSE;
    wcscpy(into + length, L"\\");
    return TRUE;
}

int wmain(int count, wchar_t **given)
{
    static wchar_t folder[PATH_UNITS], data[PATH_UNITS];
    BOOL is_delete = FALSE, is_remove = FALSE, is_purge = FALSE, is_start = FALSE;
    BOOL is_keep = FALSE, is_drop = FALSE;
    BOOL is_right = count > 1 && spelled_out(given[1], folder);
    for (int place = 2; place < count; place++) {
        if (wcscmp(given[place], L"--delete-services") == 0)
            is_delete = TRUE;
        else if (wcscmp(given[place], L"--remove") == 0)
            is_remove = TRUE;
        else if (wcscmp(given[place], L"--start") == 0)
            is_start = TRUE;
        else if (wcscmp(given[place], L"--keep") == 0)
            is_keep = TRUE;
        else if (wcscmp(given[place], L"--drop") == 0)
            is_drop = TRUE;
        else if (wcscmp(given[place], L"--purge") == 0 && place + 1 < count)
            is_purge = spelled_out(given[++place], data);
        else
            is_right = FALSE;
    }
    if (!is_right) {
        fwprintf(stderr, L"usage: tillpoint-clear FOLDER [--keep] [--delete-services] [--remove] [--purge FOLDER] "
                        L"[--start] [--drop]\n");
        return 2;
    }
    int left = 0;
    SC_HANDLE manager = OpenSCManagerW(NULL, NULL, SC_MANAGER_CONNECT);
    if (is_drop) {
        handle_copies(folder, DROP);
        forget_before(folder);
    } else if (is_start) {
        handle_copies(folder, GIVE_BACK);
        left = manager != NULL ? start_service(manager, L"Tillpoint") : 1;
    } else {
        for (size_t place = 0; manager != NULL && place < sizeof services / sizeof *services; place++)
            stop_service(manager, services[place]);
        left += end_programs(folder, GRACE_MS);
        if (is_keep)
            handle_copies(folder, KEEP);
        for (size_t place = 0; is_delete && manager != NULL && place < sizeof services / sizeof *services; place++)
            delete_service(manager, services[place]);
        if (is_remove)
            left += remove_ours(folder);
        if (is_purge) {
            data[wcslen(data) - 1] = L'\0';
            left += remove_path(data);
        }
    }
    if (manager != NULL)
        CloseServiceHandle(manager);
    return left ? 1 : 0;
}
