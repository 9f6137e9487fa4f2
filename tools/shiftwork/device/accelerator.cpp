// SPDX-License-Identifier: Apache-2.0
// The simulated accelerator: shw_accel with clock and external memory in one compiled model. One call runs a program.
#include <cstdint>
#include <cstring>
#include <deque>

#include "Vshw_accel.h"
#include "model.h"
#include "program_job.h"

double sc_time_stamp() { return 0; }

namespace {
struct Device : Model<Vshw_accel> {
  bool fresh = true;  // a run begins with a reset only the first time
};

struct Read {
  uint64_t address, left, ready;  // the first word may leave in this cycle
};
struct Write {
  uint64_t address, left, ready;
};
}  // namespace

extern "C" {

Device* shw_new() { return new Device; }

void shw_free(Device* device) { delete device; }

int shw_trace(Device* device, const char* path) { return device->record(path); }

// 0 done; 1 hang; 2 fault; 3 an access outside the memory
int shw_run(Device* handle, ProgramJob* job) {
  auto& device = *handle;
  auto& top = device.top;
  Random random(job->seed);
  std::deque<Read> reads;
  std::deque<Write> writes;
  std::deque<uint64_t> acknowledged;  // cycles in which writes are acknowledged
  uint64_t cycle = 0, quiet = 0, begun = 0, ended = 0;
  int status = 0;
  job->beats = job->waits_weights = job->waits_results = job->words_read = job->words_written = 0;
  auto stalls = [&](uint32_t share) { return share && random.next16() < share; };

  auto tick = [&] {
    top.clk = 1;
    top.eval();
    device.dump();
    top.clk = 0;
  };
  top.clk = 0;
  top.rst = device.fresh;
  top.start = 0;
  top.rd_ready = top.rdata_valid = top.wr_ready = top.wdata_ready = top.wdone = 0;
  top.eval();
  device.dump();
  for (int i = 0; device.fresh && i < 16; i++) {
    tick();
    top.eval();
    device.dump();
  }
  device.fresh = false;
  top.rst = 0;
  top.start = 1;
  top.program_address = job->program_address;
  top.program_count = job->program_count;
  bool offered = false;  // a word once offered stays
  bool started = false;
  for (;;) {
    // The sides of memory for this cycle.
    top.rd_ready = reads.size() < 16 && !stalls(job->in_gap);
    bool can = !reads.empty() && reads.front().ready <= cycle;
    offered = can && (offered || !stalls(job->in_gap));
    top.rdata_valid = offered;
    if (offered) {
      std::memcpy(&top.rdata, job->memory + reads.front().address, 8);
      top.rdata_last = reads.front().left == 1;
    }
    top.wr_ready = writes.size() < 4 && !stalls(job->out_stall);
    top.wdata_ready = !writes.empty() && writes.front().left && !stalls(job->out_stall);
    top.wdone = !acknowledged.empty() && acknowledged.front() <= cycle;
    top.eval();
    device.dump();
    if (started && !top.busy) break;
    if (top.fault) {
      job->fault_code = top.fault_code;
      job->fault_index = top.fault_index;
      status = 2;
      break;
    }
    bool moved = top.event_beat;
    if (top.event_start && begun < job->layer_count) job->layers[2 * begun++] = cycle;
    if (top.event_end && ended < job->layer_count) job->layers[2 * ended++ + 1] = cycle;
    job->beats += top.event_beat;
    job->waits_weights += top.event_weights;
    job->waits_results += top.event_results;
    if (top.wdone) acknowledged.pop_front();
    if (top.rdata_valid && top.rdata_ready) {
      auto& read = reads.front();
      read.address += 8;
      job->words_read++;
      moved = true;
      offered = false;
      if (--read.left == 0) reads.pop_front();
    }
    if (top.rd_valid && top.rd_ready) {
      reads.push_back({top.rd_address, top.rd_words, cycle + job->latency});
      moved = true;
      if (top.rd_address % 8 || top.rd_address + 8ull * top.rd_words > job->size) {
        job->fault_address = top.rd_address;
        status = 3;
        break;
      }
    }
    if (top.wdata_valid && top.wdata_ready) {
      auto& write = writes.front();
      std::memcpy(job->memory + write.address, &top.wdata, 8);
      write.address += 8;
      job->words_written++;
      moved = true;
      if (--write.left == 0) {
        acknowledged.push_back(cycle + job->latency);
        writes.pop_front();
      }
    }
    if (top.wr_valid && top.wr_ready) {
      writes.push_back({top.wr_address, top.wr_words, cycle});
      moved = true;
      if (top.wr_address % 8 || top.wr_address + 8ull * top.wr_words > job->size) {
        job->fault_address = top.wr_address;
        status = 3;
        break;
      }
    }
    quiet = moved ? 0 : quiet + 1;
    if (quiet > job->watchdog) {
      status = 1;
      job->fault_index = top.fault_index;
      break;
    }
    tick();
    top.start = 0;
    started = true;
    cycle++;
  }
  job->cycles = cycle;
  tick();
  return status;
}
}
