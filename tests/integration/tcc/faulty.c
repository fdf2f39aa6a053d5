/* A disk that fails, and a clock that lies: preloaded into a process under test.

   What goes wrong is in a page that the test shares with us (FAULTY_PAGE): see disk.py. Only files
   whose path starts with FAULTY_PREFIX are meant. With FAULTY_LOG, every write to them is recorded:
   from the record the test makes what a power cut would have left. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct page {
    int32_t every;    /* each so manieth call fails; 0: none */
    int32_t once;     /* fail a single time, then `every` becomes 0 */
    int32_t error;    /* errno */
    int32_t calls;    /* how many there were */
    int32_t failed;   /* how many of them failed */
    int32_t unused;
    int64_t skew_ns;  /* added to the wall clock */
};

struct record { int32_t kind; int32_t file; int64_t offset; int64_t size; };
enum { OPENED = 1, WRITTEN = 2, CUT = 3, SYNCED = 4, GONE = 5 };

static struct page none;
static volatile struct page *page = &none;
static const char *prefix;
static int record_fd = -1;

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("FAULTY_PAGE"), *log = getenv("FAULTY_LOG");
    prefix = getenv("FAULTY_PREFIX");
    if (path) {
        int fd = syscall(SYS_openat, AT_FDCWD, path, O_RDWR);
        void *found = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (found != MAP_FAILED) page = found;
        syscall(SYS_close, fd);
    }
    if (log)
        record_fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

static int meant_path(const char *path)
{
    char whole[PATH_MAX];
    if (!prefix || !path) return 0;
    if (path[0] != '/' && realpath(path, whole)) path = whole;
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

/* The path of a descriptor, if it is one that is meant. */
static const char *meant(int fd)
{
    static __thread char path[PATH_MAX];
    char link[64], *end = link + sizeof link - 1;
    int left = fd;
    if (!prefix || fd < 0) return NULL;
    *end = 0;
    do { *--end = '0' + left % 10; left /= 10; } while (left);
    end -= 14;
    memcpy(end, "/proc/self/fd/", 14);
    ssize_t size = readlink(end, path, sizeof path - 1);
    if (size <= 0) return NULL;
    path[size] = 0;
    return strncmp(path, prefix, strlen(prefix)) == 0 ? path : NULL;
}

static int fails(void)
{
    if (!page->every) return 0;
    if (__sync_add_and_fetch(&page->calls, 1) % page->every) return 0;
    __sync_add_and_fetch(&page->failed, 1);
    if (page->once) page->every = 0;
    errno = page->error;
    return 1;
}

/* Which file it was is told by what follows the prefix, before the data. */
static void record(int kind, const char *path, int64_t offset, const void *data, int64_t size)
{
    if (record_fd < 0 || !path) return;
    const char *name = path + strlen(prefix);
    struct record head = {kind, (int32_t)strlen(name), offset, size};
    int64_t total = sizeof head + head.file + (data ? size : 0);
    char *whole = malloc(total);
    memcpy(whole, &head, sizeof head);
    memcpy(whole + sizeof head, name, head.file);
    if (data) memcpy(whole + sizeof head + head.file, data, size);
    syscall(SYS_write, record_fd, whole, total);
    free(whole);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    const char *path = meant(fd);
    if (path && fails()) return -1;
    ssize_t done = REAL(pwrite64)(fd, data, size, offset);
    if (done > 0) record(WRITTEN, path, offset, data, done);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return pwrite64(fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size)
{
    const char *path = meant(fd);
    if (path && fails()) return -1;
    int64_t offset = path ? lseek(fd, 0, SEEK_CUR) : 0;
    ssize_t done = REAL(write)(fd, data, size);
    if (done > 0) record(WRITTEN, path, offset, data, done);
    return done;
}

int ftruncate64(int fd, off64_t size)
{
    const char *path = meant(fd);
    if (path && fails()) return -1;
    int done = REAL(ftruncate64)(fd, size);
    if (!done) record(CUT, path, size, NULL, 0);
    return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

int fsync(int fd)
{
    const char *path = meant(fd);
    if (path && fails()) return -1;
    int done = REAL(fsync)(fd);
    if (!done) record(SYNCED, path, 0, NULL, 0);
    return done;
}

int fdatasync(int fd)
{
    const char *path = meant(fd);
    if (path && fails()) return -1;
    int done = REAL(fdatasync)(fd);
    if (!done) record(SYNCED, path, 0, NULL, 0);
    return done;
}

int unlink(const char *path)
{
    int done = REAL(unlink)(path);
    if (!done && meant_path(path)) record(GONE, path, 0, NULL, 0);
    return done;
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    int watched = (flags & O_CREAT) && meant_path(path);
    if (watched && fails()) return -1;
    return REAL(open64)(path, flags, mode);
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    return open64(path, flags, mode);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int done = syscall(SYS_clock_gettime, clock, now);
    if (!done && clock == CLOCK_REALTIME && page->skew_ns) {
        int64_t ns = now->tv_sec * 1000000000LL + now->tv_nsec + page->skew_ns;
        now->tv_sec = ns / 1000000000LL;
        now->tv_nsec = ns % 1000000000LL;
    }
    return done;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &precise)) return -1;
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now)
{
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (now) *now = precise.tv_sec;
    return precise.tv_sec;
}
