// What a Linux machine with an NVIDIA GPU would answer, so that Mesa's driver for those (NVK) starts on one that has none and compiles
// for it. Preloaded into a process, it plays the kernel's side of /dev/dri/renderD128: memory is a file without content, and work that
// is submitted is done at once, by doing nothing. Structures and numbers are those of linux/include/uapi/drm and of libdrm.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define NODE "/dev/dri/renderD128"
// A GeForce RTX 4090: Ada, sm_89.
enum { VENDOR = 0x10de, DEVICE = 0x2684, CHIPSET = 0x192, ALL_MULTIPROCESSORS = 11 | 64 << 8 };
enum { PAGE = 1 << 21, MEMORY_BITS = 40, MOST = 64 };
static const uint64_t GIB = 1ull << 30;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int memory = -1, opened[MOST], count;
static uint64_t next_address = PAGE;
static uint32_t next_handle = 1;
static struct { uint64_t bytes, address; } buffers[1 << 16];

static int is_node(const char *path) { return path && strcmp(path, NODE) == 0; }
static int is_opened(int fd) {
  for (int n = 0; n < count; n++) if (opened[n] == fd) return 1;
  return 0;
}

static int open_node(void) {
  if (memory < 0 && ((memory = memfd_create("memory", 0)) < 0 || ftruncate(memory, 1ull << MEMORY_BITS) < 0)) abort();
  if (count == MOST) abort();
  return opened[count++] = dup(memory);
}

#define OPEN(name)                                                 \
  int name(const char *path, int flags, ...) {                     \
    va_list rest;                                                  \
    va_start(rest, flags);                                         \
    int mode = va_arg(rest, int);                                  \
    va_end(rest);                                                  \
    if (is_node(path)) return open_node();                         \
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name))(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

int close(int fd) {
  for (int n = 0; n < count; n++) if (opened[n] == fd) opened[n] = opened[--count];
  return REAL(close)(fd);
}

#define STAT(name, type)                                   \
  int name(const char *path, struct type *status) {        \
    if (!is_node(path)) return REAL(name)(path, status);   \
    memset(status, 0, sizeof *status);                     \
    status->st_mode = S_IFCHR;                             \
    status->st_rdev = makedev(226, 128);                   \
    return 0;                                              \
  }
STAT(stat, stat)
STAT(stat64, stat64)

// libdrm: the one device, on a PCI bus.
static struct { uint16_t domain; uint8_t bus, dev, func; } place = {0, 1, 0, 0};
static struct { uint16_t vendor, device, subvendor, subdevice; uint8_t revision; } chip = {VENDOR, DEVICE, VENDOR, 0, 0xa1};
static char no_name[] = "", node_name[] = NODE, *node_names[] = {no_name, no_name, node_name};
static struct { char **nodes; int available, bus; void *place, *chip; } device = {node_names, 1 << 2, 0, &place, &chip};
int drmGetDevices2(uint32_t flags, void *devices[], int most) {
  (void)flags;
  if (devices && most > 0) devices[0] = &device;
  return 1;
}
int drmGetDevice2(int fd, uint32_t flags, void **found) { (void)fd, (void)flags, *found = &device; return 0; }
int drmGetDeviceFromDevId(dev_t id, uint32_t flags, void **found) { (void)id, (void)flags, *found = &device; return 0; }
void drmFreeDevices(void *devices[], int n) { (void)devices, (void)n; }
void drmFreeDevice(void **found) { *found = NULL; }

struct version { int major, minor, patch, name_bytes; char *name; int date_bytes; char *date; int text_bytes; char *text; };
struct version *drmGetVersion(int fd) {
  struct version *v = calloc(1, sizeof *v);
  (void)fd;
  *v = (struct version){1, 4, 2, 7, strdup("nouveau"), 0, strdup(""), 0, strdup("")};
  return v;
}

// struct drm_nouveau_getparam: parameter, value.
static int parameter(uint64_t *p) {
  static const struct { uint64_t name, value; } known[] = {
    {3, VENDOR}, {4, DEVICE}, {5, 2 /* PCIe */}, {8, 24ull << 30}, {9, 1ull << 40}, {11, CHIPSET}, {13, ALL_MULTIPROCESSORS},
    {14, 0}, {15, 1}, {17, 510}, {18, 1ull << 35}, {19, 4096}, {20, 1},
  };
  for (unsigned n = 0; n < sizeof known / sizeof *known; n++) {
    if (known[n].name == p[0]) { p[1] = known[n].value; return 0; }
  }
  return -EINVAL;
}

// struct nvif_ioctl_v0: bytes 1 and 24 on are what is asked and its arguments.
static void object(uint8_t *a) {
  static const int classes[] = {0xa140, 0xc7b5, 0x902d, 0xc997, 0xc9c0};  // memory, copies, 2D, 3D and computing of Ada
  uint8_t *arguments = a + 24;
  if (a[1] == 1) {  // which classes there are
    struct { int32_t name; int16_t lowest, highest; } *list = (void *)(arguments + 8);
    arguments[1] = 5;
    for (int n = 0; n < 5; n++) list[n].name = classes[n], list[n].lowest = list[n].highest = -1;
  } else if (a[1] == 4 && arguments[1] == 0) {  // what the device is
    uint8_t *info = arguments + 8;
    info[1] = 3;
    *(uint16_t *)(info + 2) = CHIPSET;
    ((uint64_t *)info)[1] = ((uint64_t *)info)[2] = 24 * GIB;
  }
}

// struct drm_nouveau_gem_new: handle, domain, bytes, address, place in the file.
static void allocate(uint32_t *a) {
  uint32_t handle = next_handle++;
  uint64_t *wide = (uint64_t *)a;
  buffers[handle].bytes = wide[1];
  buffers[handle].address = next_address;
  a[0] = handle;
  wide[2] = wide[3] = next_address;
  next_address += (wide[1] + PAGE - 1) / PAGE * PAGE;
}

int ioctl(int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  uint32_t *a = va_arg(rest, uint32_t *);
  va_end(rest);
  if (!is_opened(fd)) return ((int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl"))(fd, request, a);
  int result = 0;
  switch (request & 0xff) {
    case 0x0c: ((uint64_t *)a)[1] = 1; break;   // a capability
    case 0x40: result = parameter((uint64_t *)a); break;
    case 0x42: a[2] = 1; break;                 // a channel
    case 0x47: object((uint8_t *)a); break;
    case 0x80: allocate(a); break;
    case 0x84: ((uint64_t *)a)[1] = buffers[a[0]].bytes, ((uint64_t *)a)[2] = ((uint64_t *)a)[3] = buffers[a[0]].address; break;
    case 0xbf: a[0] = next_handle++; break;     // a fence
    default: break;
  }
  if (result < 0) errno = -result;
  return result < 0 ? -1 : 0;
}
