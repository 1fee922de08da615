/* What FAT refuses, for programs that are started with this library before the C library (LD_PRELOAD): second names for a
   file, symbolic links, permissions, owners, and forcing a folder to the disk. Each refusal is written down in the file that
   FAT_REFUSALS names, so that a test sees that something was refused at all. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int refuse(const char *what, int error) {
    const char *path = getenv("FAT_REFUSALS");
    int file = path ? open(path, O_WRONLY | O_CREAT | O_APPEND, 0600) : -1;
    if (file >= 0) {
        ssize_t written = write(file, what, strlen(what));
        (void)written;
        close(file);
    }
    errno = error;
    return -1;
}

int link(const char *from, const char *to) { (void)from, (void)to; return refuse("link\n", EPERM); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    (void)a, (void)from, (void)b, (void)to, (void)flags;
    return refuse("link\n", EPERM);
}
int symlink(const char *to, const char *name) { (void)to, (void)name; return refuse("symlink\n", EPERM); }
int chmod(const char *path, mode_t mode) { (void)path, (void)mode; return refuse("chmod\n", EPERM); }
int fchmod(int file, mode_t mode) { (void)file, (void)mode; return refuse("chmod\n", EPERM); }
int chown(const char *path, uid_t user, gid_t group) { (void)path, (void)user, (void)group; return refuse("chown\n", EPERM); }
int fchown(int file, uid_t user, gid_t group) { (void)file, (void)user, (void)group; return refuse("chown\n", EPERM); }

static int is_folder(int file) {
    struct stat found;
    return fstat(file, &found) == 0 && S_ISDIR(found.st_mode);
}

int fsync(int file) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    return is_folder(file) ? refuse("fsync of a folder\n", EINVAL) : real(file);
}
