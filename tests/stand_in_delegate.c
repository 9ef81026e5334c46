/* In the place of libedgetpu: a delegate that is never had, in one way a device. */
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *tflite_plugin_create_delegate(char **keys, char **values, size_t count,
                                    void (*report)(const char *)) {
  (void)keys, (void)count;
  if (!strcmp(values[0], "usb:0")) {
    fputs("usb_driver.cc:857] transfer on tag 2 failed. Abort.\n", stderr);
    abort();
  }
  if (!strcmp(values[0], "usb:1")) raise(SIGSEGV);
  if (!strcmp(values[0], "usb:2"))
    for (;;) pause();
  if (!strcmp(values[0], "pci:3")) report("driver of another version");
  return NULL; /* no device, no permission or busy: libedgetpu does not say which */
}

void tflite_plugin_destroy_delegate(void *delegate) { (void)delegate; }
