/* Stands between the program and libc's file calls, for what happens under one folder. Loaded by LD_PRELOAD; `shim.rs` sets it up.
 *
 * RIG_FOLDER   the folder; everything else passes untouched
 * RIG_LOG      a file to append every call to that changed something, with its data; also what went to a socket, to stdout or stderr
 * RIG_FAULT    N:KIND  the N-th call fails: eio, enospc; short: half is written; torn: half is written, then the disk is full;
 *              dead: that one and every later one that writes fail with EIO; readonly: as on a file system that went read-only
 *              list: none fails
 * RIG_HIT      a file that says which call was made to fail; with `list`, every call on a line
 * RIG_LIMIT    bytes that fit into the folder; beyond that the disk is full
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPEN = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, MKDIR, RMDIR, LINK, SENT, PRINTED };
enum { CREATED = 1, EMPTIED = 2 };

#define FDS 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static char folder[4096];
static size_t folder_length;
static int log_fd = -1;
static const char *hit_file;
static long fault_at = 0, calls = 0;
static char fault_kind[16];
static int torn = 0; /* After half a write: the next one finds a full disk. */
static long long limit = -1;
static unsigned char ours[FDS];

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static void begin(void) {
    const char *text = getenv("RIG_FOLDER");
    if (!text) return;
    folder_length = strlen(text);
    memcpy(folder, text, folder_length + 1);
    if ((text = getenv("RIG_LOG"))) {
        int fd = (int)syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        /* Out of the way of the numbers that the program's own files get. */
        log_fd = fd < 0 ? fd : (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 900);
        if (fd >= 0) syscall(SYS_close, fd);
        if (log_fd < 0) abort();
    }
    if ((text = getenv("RIG_FAULT"))) sscanf(text, "%ld:%15s", &fault_at, fault_kind);
    hit_file = getenv("RIG_HIT");
    if ((text = getenv("RIG_LIMIT"))) limit = atoll(text);
}

static int is_ours(int fd) { return fd >= 0 && fd < FDS && ours[fd]; }

static int absolute(int at, const char *path, char *out) {
    if (path[0] == '/') {
        snprintf(out, 4096, "%s", path);
    } else {
        char place[4096], link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t length = at == AT_FDCWD ? (getcwd(place, sizeof place) ? (ssize_t)strlen(place) : -1)
                                        : readlink(link, place, sizeof place - 1);
        if (length < 0) return 0;
        place[length] = 0;
        if (snprintf(out, 4096, "%s/%s", place, path) >= 4096) return 0;
    }
    return folder_length && strncmp(out, folder, folder_length) == 0 && (out[folder_length] == '/' || !out[folder_length]);
}

struct __attribute__((packed)) record {
    uint8_t kind, flags;
    uint32_t first, second;
    uint64_t file;
    int64_t number;
};

static void put(struct iovec *parts, int count) {
    while (count) {
        ssize_t written = syscall(SYS_writev, log_fd, parts, count);
        if (written < 0) abort();
        while (count && (size_t)written >= parts->iov_len) {
            written -= (ssize_t)parts->iov_len;
            parts++, count--;
        }
        if (count) parts->iov_base = (char *)parts->iov_base + written, parts->iov_len -= (size_t)written;
    }
}

static void note(int kind, int flags, uint64_t file, int64_t number, const void *first, size_t first_length, const void *second,
                 size_t second_length) {
    if (log_fd < 0) return;
    struct record record = {(uint8_t)kind, (uint8_t)flags, (uint32_t)first_length, (uint32_t)second_length, file, number};
    struct iovec parts[3] = {{&record, sizeof record}, {(void *)first, first_length}, {(void *)second, second_length}};
    put(parts, 3);
}

static uint64_t file_of(int fd) {
    struct stat found;
    return syscall(SYS_fstat, fd, &found) == 0 ? (uint64_t)found.st_ino : 0;
}

static const char *name_of(int fd) {
    static char name[4096];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    name[length < 0 ? 0 : length] = 0;
    return name;
}

enum { PASS, FAIL, HALF };
enum { READS = 1, WRITES = 2, MAKES = 4, SYNCS = 8, REMOVES = 16 };

static void say_hit(int flags, const char *call, int class, const char *name, const char *end) {
    if (!hit_file) return;
    char text[4300];
    int kept = errno, fd = (int)syscall(SYS_openat, AT_FDCWD, hit_file, O_WRONLY | O_CREAT | flags, 0600);
    int length = snprintf(text, sizeof text, "%d %s %s%s", class, call, name, end);
    syscall(SYS_write, fd, text, (size_t)length);
    syscall(SYS_close, fd);
    errno = kept;
}

/* What becomes of the next call. */
static int fate(const char *call, int class, const char *name) {
    if (!fault_at) return PASS;
    long now = ++calls;
    if (!strcmp(fault_kind, "list")) {
        say_hit(O_APPEND, call, class, name, "\n");
        return PASS;
    }
    int lasting = !strcmp(fault_kind, "dead") || !strcmp(fault_kind, "readonly");
    if (torn && (class & (WRITES | MAKES))) {
        errno = ENOSPC;
        return FAIL;
    }
    if (now < fault_at || (now > fault_at && !lasting)) return PASS;
    int fits = 1;
    if (!strcmp(fault_kind, "enospc")) fits = class & (WRITES | MAKES | SYNCS), errno = ENOSPC;
    else if (!strcmp(fault_kind, "short") || !strcmp(fault_kind, "torn")) fits = class & WRITES;
    else if (!strcmp(fault_kind, "readonly")) fits = class & (WRITES | MAKES | REMOVES), errno = EROFS;
    else if (lasting) fits = class & ~READS, errno = EIO;
    else errno = EIO;
    if (!fits) return PASS;
    if (now == fault_at) say_hit(O_TRUNC, call, class, name, "");
    if (!strcmp(fault_kind, "torn")) torn = 1;
    return fault_kind[0] == 's' || fault_kind[0] == 't' ? HALF : FAIL;
}

static long long used;
static int add(const char *path, const struct stat *found, int kind, struct FTW *walk) {
    (void)path, (void)walk;
    if (kind == FTW_F) used += found->st_size;
    return 0;
}

/* How much of a write fits on the disk. */
static size_t room(int fd, off_t at, size_t length) {
    struct stat found;
    if (limit < 0 || syscall(SYS_fstat, fd, &found) != 0) return length;
    long long beyond = (long long)at + (long long)length - found.st_size;
    if (beyond <= 0) return length;
    used = 0;
    nftw(folder, add, 16, FTW_PHYS);
    long long missing = used + beyond - limit;
    if (missing <= 0) return length;
    return missing >= (long long)length ? 0 : length - (size_t)missing;
}

#define ENTER pthread_once(&once, begin); pthread_mutex_lock(&lock)
#define LEAVE do { int kept_ = errno; pthread_mutex_unlock(&lock); errno = kept_; } while (0)

/* ---- files are opened and closed ---- */

static int opened(int at, const char *path, int flags, mode_t mode) {
    char full[4096];
    ENTER;
    if (!folder_length || !absolute(at, path, full)) {
        int fd = (int)syscall(SYS_openat, at, path, flags, mode);
        if (fd >= 0 && fd < FDS) ours[fd] = 0;
        LEAVE;
        return fd;
    }
    int writes = (flags & O_ACCMODE) != O_RDONLY, makes = flags & O_CREAT;
    int fd = -1;
    if (fate("open", makes ? MAKES : writes ? WRITES : READS, full) == PASS) {
        struct stat before;
        int there = syscall(SYS_newfstatat, AT_FDCWD, full, &before, 0) == 0;
        fd = (int)syscall(SYS_openat, at, path, flags, mode);
        if (fd >= 0 && fd < FDS) {
            ours[fd] = 1;
            int what = (!there && makes ? CREATED : 0) | (there && (flags & O_TRUNC) && writes && before.st_size ? EMPTIED : 0);
            note(OPEN, what, file_of(fd), 0, full, strlen(full), 0, 0);
        }
    }
    LEAVE;
    return fd;
}

#define MODE mode_t mode = 0; if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }
int open(const char *path, int flags, ...) { MODE; return opened(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE; return opened(AT_FDCWD, path, flags | O_LARGEFILE, mode); }
int openat(int at, const char *path, int flags, ...) { MODE; return opened(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE; return opened(at, path, flags | O_LARGEFILE, mode); }
int creat(const char *path, mode_t mode) { return opened(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) {
    ENTER;
    if (fd >= 0 && fd < FDS) ours[fd] = 0;
    int result = (int)syscall(SYS_close, fd);
    LEAVE;
    return result;
}

int closedir(DIR *dir) {
    REAL(closedir);
    ENTER;
    int fd = dirfd(dir);
    if (fd >= 0 && fd < FDS) ours[fd] = 0;
    LEAVE;
    return real(dir);
}

int socket(int domain, int type, int protocol) {
    ENTER;
    int fd = (int)syscall(SYS_socket, domain, type, protocol);
    if (fd >= 0 && fd < FDS) ours[fd] = 0;
    LEAVE;
    return fd;
}

/* ---- what is read and written ---- */

static ssize_t read_at(int fd, void *bytes, size_t length, off_t at) {
    ENTER;
    ssize_t result = -1;
    if (!is_ours(fd) || fate("read", READS, name_of(fd)) == PASS)
        result = at < 0 ? syscall(SYS_read, fd, bytes, length) : syscall(SYS_pread64, fd, bytes, length, at);
    LEAVE;
    return result;
}

ssize_t read(int fd, void *bytes, size_t length) { return read_at(fd, bytes, length, -1); }
ssize_t pread(int fd, void *bytes, size_t length, off_t at) { return read_at(fd, bytes, length, at); }
ssize_t pread64(int fd, void *bytes, size_t length, off_t at) { return read_at(fd, bytes, length, at); }

static ssize_t write_at(int fd, const void *bytes, size_t length, off_t at) {
    ENTER;
    ssize_t result = -1;
    if (is_ours(fd)) {
        int what = fate("write", WRITES, name_of(fd));
        off_t from = at;
        if (from < 0) from = syscall(SYS_fcntl, fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
        size_t part = what == HALF && length > 1 ? length / 2 : length;
        if (what != FAIL && length) {
            part = room(fd, from, part);
            if (!part) errno = ENOSPC, what = FAIL;
        }
        if (what != FAIL) result = at < 0 ? syscall(SYS_write, fd, bytes, part) : syscall(SYS_pwrite64, fd, bytes, part, at);
        if (result > 0) note(WRITE, 0, file_of(fd), from, 0, 0, bytes, (size_t)result);
    } else {
        /* Before it is done: what was on disk by then is what counts. */
        struct stat found;
        if (log_fd >= 0 && (fd == 1 || fd == 2)) note(PRINTED, fd, 0, 0, 0, 0, bytes, length);
        else if (log_fd >= 0 && syscall(SYS_fstat, fd, &found) == 0 && S_ISSOCK(found.st_mode))
            note(SENT, 0, 0, fd, 0, 0, bytes, length);
        result = at < 0 ? syscall(SYS_write, fd, bytes, length) : syscall(SYS_pwrite64, fd, bytes, length, at);
    }
    LEAVE;
    return result;
}

ssize_t write(int fd, const void *bytes, size_t length) { return write_at(fd, bytes, length, -1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return write_at(fd, bytes, length, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) { return write_at(fd, bytes, length, at); }

ssize_t writev(int fd, const struct iovec *parts, int count) {
    size_t whole = 0;
    for (int part = 0; part < count; part++) whole += parts[part].iov_len;
    char *bytes = malloc(whole ? whole : 1), *end = bytes;
    for (int part = 0; part < count; part++) memcpy(end, parts[part].iov_base, parts[part].iov_len), end += parts[part].iov_len;
    ssize_t result = write_at(fd, bytes, whole, -1);
    int kept = errno;
    free(bytes);
    errno = kept;
    return result;
}

ssize_t sendto(int fd, const void *bytes, size_t length, int flags, const struct sockaddr *to, socklen_t to_length) {
    ENTER;
    note(SENT, 0, 0, fd, 0, 0, bytes, length);
    ssize_t result = syscall(SYS_sendto, fd, bytes, length, flags, to, to_length);
    LEAVE;
    return result;
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) { return sendto(fd, bytes, length, flags, 0, 0); }

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    ENTER;
    for (size_t part = 0; part < message->msg_iovlen; part++)
        note(SENT, 0, 0, fd, 0, 0, message->msg_iov[part].iov_base, message->msg_iov[part].iov_len);
    ssize_t result = syscall(SYS_sendmsg, fd, message, flags);
    LEAVE;
    return result;
}

static int cut(int fd, off_t size) {
    ENTER;
    int result = -1;
    if (!is_ours(fd)) {
        result = (int)syscall(SYS_ftruncate, fd, size);
    } else if (fate("ftruncate", WRITES, name_of(fd)) == PASS) {
        result = (int)syscall(SYS_ftruncate, fd, size);
        if (!result) note(TRUNCATE, 0, file_of(fd), size, 0, 0, 0, 0);
    }
    LEAVE;
    return result;
}

int ftruncate(int fd, off_t size) { return cut(fd, size); }
int ftruncate64(int fd, off_t size) { return cut(fd, size); }

int posix_fallocate(int fd, off_t at, off_t length) { (void)fd, (void)at, (void)length; return EOPNOTSUPP; }
int posix_fallocate64(int fd, off_t at, off_t length) { (void)fd, (void)at, (void)length; return EOPNOTSUPP; }

static int synced(int fd, long call) {
    ENTER;
    int result = -1;
    if (!is_ours(fd)) {
        result = (int)syscall(call, fd);
    } else if (fate("fsync", SYNCS, name_of(fd)) == PASS) {
        result = (int)syscall(call, fd);
        if (!result) note(SYNC, 0, file_of(fd), 0, 0, 0, 0, 0);
    }
    LEAVE;
    return result;
}

int fsync(int fd) { return synced(fd, SYS_fsync); }
int fdatasync(int fd) { return synced(fd, SYS_fdatasync); }

/* ---- names ---- */

#define NAMED(call_name, class, kind, at, path, doing) \
    char full[4096]; \
    ENTER; \
    int result = -1; \
    if (!folder_length || !absolute(at, path, full)) result = (int)(doing); \
    else if (fate(call_name, class, full) == PASS && !(result = (int)(doing))) { \
        uint64_t file = 0; \
        struct stat found; \
        if (kind == MKDIR && syscall(SYS_newfstatat, AT_FDCWD, full, &found, 0) == 0) file = (uint64_t)found.st_ino; \
        note(kind, 0, file, 0, full, strlen(full), 0, 0); \
    } \
    LEAVE; \
    return result

int unlink(const char *path) { NAMED("unlink", REMOVES, UNLINK, AT_FDCWD, path, syscall(SYS_unlinkat, AT_FDCWD, path, 0)); }
int rmdir(const char *path) { NAMED("rmdir", REMOVES, RMDIR, AT_FDCWD, path, syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR)); }
int unlinkat(int at, const char *path, int flags) {
    NAMED("unlinkat", REMOVES, (flags & AT_REMOVEDIR ? RMDIR : UNLINK), at, path, syscall(SYS_unlinkat, at, path, flags));
}
int mkdir(const char *path, mode_t mode) { NAMED("mkdir", MAKES, MKDIR, AT_FDCWD, path, syscall(SYS_mkdirat, AT_FDCWD, path, mode)); }
int mkdirat(int at, const char *path, mode_t mode) { NAMED("mkdirat", MAKES, MKDIR, at, path, syscall(SYS_mkdirat, at, path, mode)); }

static int both(const char *name, int kind, const char *from, const char *to, long call) {
    char first[4096], second[4096];
    ENTER;
    int result = -1, here = folder_length && absolute(AT_FDCWD, from, first);
    here = folder_length && absolute(AT_FDCWD, to, second) && here;
    if (!here) {
        result = (int)syscall(call, AT_FDCWD, from, AT_FDCWD, to, 0);
    } else if (fate(name, MAKES, second) == PASS) {
        result = (int)syscall(call, AT_FDCWD, from, AT_FDCWD, to, 0);
        if (!result) note(kind, 0, 0, 0, first, strlen(first), second, strlen(second));
    }
    LEAVE;
    return result;
}

int rename(const char *from, const char *to) { return both("rename", RENAME, from, to, SYS_renameat2); }
int link(const char *from, const char *to) { return both("link", LINK, from, to, SYS_linkat); }
int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    if (from_at == AT_FDCWD && to_at == AT_FDCWD) return both("linkat", LINK, from, to, SYS_linkat);
    return (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
}
