// SPDX-License-Identifier: Apache-2.0
// What the harnesses of compiled models share: a model with its clock time and waveform, and random stalls.
#pragma once
#include <cstdint>
#include <memory>

#include "verilated.h"
#if SHW_TRACE
#include "verilated_vcd_c.h"
#endif

template <class Top>
struct Model {
  VerilatedContext context;
  Top top{&context};
  uint64_t time = 0;
#if SHW_TRACE
  std::unique_ptr<VerilatedVcdC> trace;
#endif

  ~Model() {
#if SHW_TRACE
    if (trace) trace->close();
#endif
    top.final();
  }
  // Write a waveform from now on; 1 where the model was built without.
  int record(const char* path) {
#if SHW_TRACE
    context.traceEverOn(true);
    trace = std::make_unique<VerilatedVcdC>();
    top.trace(trace.get(), 99);
    trace->open(path);
    return 0;
#else
    (void)path;
    return 1;
#endif
  }
  // Half a clock has passed.
  void dump() {
#if SHW_TRACE
    if (trace) trace->dump(time);
#endif
    time += 5;
  }
};

// xorshift64*: the stall pattern depends on the seed alone.
struct Random {
  uint64_t state;
  explicit Random(uint64_t seed) : state(seed * 0x9E3779B97F4A7C15ull + 0xD1B54A32D192ED03ull) {
    if (state == 0) state = 1;
  }
  uint32_t next16() {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return static_cast<uint32_t>((state * 0x2545F4914F6CDD1Dull) >> 48);
  }
};
