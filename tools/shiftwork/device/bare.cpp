// SPDX-License-Identifier: Apache-2.0
// The bare engine in a C++ loop: constant operands, a result that is always taken, no memories, no post unit.
// What it reaches in cycles per second is the yardstick for the simulation of whole networks.
#include <cstdint>
#include <ctime>

#include "Vshw_tr_engine.h"
#include "verilated.h"

double sc_time_stamp() { return 0; }

namespace {
struct Bare {
  VerilatedContext context;
  Vshw_tr_engine top{&context};
  void cycle() {
    top.clk = 0;
    top.eval();
    top.clk = 1;
    top.eval();
  }
};

double cpu_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}
}  // namespace

extern "C" {

Bare* bare_new(uint32_t tr_en, uint32_t group, uint32_t budget, uint32_t data_terms, uint64_t seed) {
  auto* bare = new Bare;
  auto& top = bare->top;
  top.rst = 1;
  top.in_valid = 0;
  top.out_ready = 1;
  for (int i = 0; i < 4; i++) bare->cycle();
  top.rst = 0;
  for (int i = 0; i < 32; i++) bare->cycle();
  top.cfg_tr_en = tr_en;
  top.cfg_group = group;
  top.cfg_group_budget = budget;
  top.cfg_data_terms = data_terms;
  top.cfg_slice_shift = 0;
  top.cfg_encoding = 1;
  top.cfg_row_signed = 1;
  top.cfg_col_signed = 0;
  uint8_t* row = reinterpret_cast<uint8_t*>(&top.in_row);
  uint8_t* col = reinterpret_cast<uint8_t*>(&top.in_col);
  for (size_t i = 0; i < SHW_ROWS; i++) row[i] = uint8_t((seed = seed * 6364136223846793005ull + 1) >> 56);
  for (size_t i = 0; i < SHW_COLS; i++) col[i] = uint8_t((seed = seed * 6364136223846793005ull + 1) >> 56);
  top.in_valid = 1;
  return bare;
}

// Run some cycles on tiles of `depth` beats; returns CPU seconds.
double bare_run(Bare* bare, uint64_t cycles, uint64_t depth) {
  auto& top = bare->top;
  const double start = cpu_seconds();
  uint64_t k = 0;
  for (uint64_t i = 0; i < cycles; i++) {
    top.in_last = k + 1 == depth;
    top.clk = 0;
    top.eval();
    if (top.in_ready) k = k + 1 == depth ? 0 : k + 1;
    top.clk = 1;
    top.eval();
  }
  return cpu_seconds() - start;
}

void bare_free(Bare* bare) {
  bare->top.final();
  delete bare;
}

}  // extern "C"
