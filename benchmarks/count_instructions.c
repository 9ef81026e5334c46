/* QEMU plugin: how many instructions the guest ran between two marks.

   The guest marks by the system call getpriority(0x5EED, number), which means nothing to
   Linux; each mark prints "MARK number count". For guests of one thread.

   Debian has no header for plugins, so what is needed of QEMU's interface, version 1,
   is declared here: qemu.org, "QEMU TCG Plugins". */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define VISIBLE __attribute__((visibility("default")))
#define GETPRIORITY 141 /* on aarch64 */
#define OURS 0x5EED

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
enum operation { ADD_U64 };

void qemu_plugin_register_vcpu_tb_trans_cb(
    plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(
    struct qemu_plugin_tb *, enum operation, void *, uint64_t);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
void qemu_plugin_register_vcpu_syscall_cb(
    plugin_id, void (*)(plugin_id, unsigned, int64_t, uint64_t, uint64_t, uint64_t,
                        uint64_t, uint64_t, uint64_t, uint64_t, uint64_t));

VISIBLE int qemu_plugin_version = 1;

static uint64_t executed, before;

static void count_block(plugin_id id, struct qemu_plugin_tb *block) {
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &executed,
                                           qemu_plugin_tb_n_insns(block));
}

static void look_for_mark(plugin_id id, unsigned cpu, int64_t number, uint64_t which,
                          uint64_t mark, uint64_t a3, uint64_t a4, uint64_t a5,
                          uint64_t a6, uint64_t a7, uint64_t a8) {
  (void)id, (void)cpu, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
  if (number != GETPRIORITY || which != OURS) return;
  fprintf(stderr, "MARK %llu %llu\n", (unsigned long long)mark,
          (unsigned long long)(executed - before));
  before = executed;
}

VISIBLE int qemu_plugin_install(plugin_id id, const void *info, int count,
                                char **values) {
  (void)info, (void)count, (void)values;
  qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
  qemu_plugin_register_vcpu_syscall_cb(id, look_for_mark);
  return 0;
}
