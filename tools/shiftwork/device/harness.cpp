// SPDX-License-Identifier: Apache-2.0
// The simulated device: shw_sim_top (tile engine, post unit and table) with clock, operand memories and statistics in
// one compiled model. One call of shw_run executes every tile of a layer, or looks up every code of a tensor; Python is
// never in the cycle loop.
#include <cstdint>
#include <cstring>

#include "Vshw_sim_top.h"
#include "layer_job.h"
#include "model.h"

double sc_time_stamp() { return 0; }

namespace {
constexpr size_t ROWS = SHW_ROWS;
constexpr size_t COLS = SHW_COLS;
constexpr size_t ROW_BYTES = ROWS * SHW_OPERAND_BYTES;
constexpr size_t COL_BYTES = COLS * SHW_OPERAND_BYTES;
constexpr size_t ACC_BYTES = SHW_ACC_BYTES;
// 32-bit words of a vector of constants
constexpr size_t words(size_t bits) { return (COLS * bits + 31) / 32; }
constexpr size_t BIAS_WORDS = words(8 * ACC_BYTES);
constexpr size_t BIAS_SHIFT_WORDS = words(5);
constexpr size_t SHIFT_WORDS = words(6);
constexpr size_t FACTOR_WORDS = words(16);

struct Device : Model<Vshw_sim_top> {
  void settle() {
    top.clk = 0;
    top.post_clk = 0;
    top.eval();
    dump();
  }
  void edge(bool post) {
    top.clk = 1;
    top.post_clk = post;
    top.eval();
    dump();
  }
};

// The codes of a beat, packed bit after bit, as bytes of the ports. Exponential codes, {sign, exponent} of n + 1 bits,
// are widened to SHW_EXPONENT_BITS on the way; the zero code is the lowest exponent here and there.
void unpack(const uint8_t* packed, uint8_t* bytes, size_t count, uint32_t exponent_bits) {
  const uint32_t low = (1u << exponent_bits) - 1, zero = 1u << (exponent_bits - 1), wide = (1u << SHW_EXPONENT_BITS) - 1;
  uint32_t held = 0, bits = 0;
  for (size_t i = 0; i < count; i++) {
    while (bits < exponent_bits + 1) {
      held |= uint32_t(*packed++) << bits;
      bits += 8;
    }
    const uint32_t exponent = held & low, sign = held >> exponent_bits & 1;
    bytes[i] = exponent == zero ? 1u << (SHW_EXPONENT_BITS - 1)
                                : sign << SHW_EXPONENT_BITS | (((exponent ^ zero) - zero) & wide);
    held >>= exponent_bits + 1;
    bits -= exponent_bits + 1;
  }
}

size_t packed_bytes(size_t count, uint32_t exponent_bits) { return (count * (exponent_bits + 1) + 7) / 8; }
}  // namespace

extern "C" {

enum { SHW_DONE = 0, SHW_HANG = 1, SHW_CONFIG_ERROR = 2, SHW_LAST_ERROR = 3 };

Device* shw_new() {
  auto* device = new Device;
  auto& top = device->top;
  top.rst = 1;
  top.in_valid = 0;
  top.codes_valid = 0;
  top.out_ready = 0;
  top.table_valid = 0;
  for (int i = 0; i < 4; i++) {
    device->settle();
    device->edge(true);
  }
  top.rst = 0;
  for (int i = 0; i < 300; i++) {  // the engine clears its lists after reset
    device->settle();
    device->edge(true);
  }
  return device;
}

void shw_free(Device* device) { delete device; }

int shw_trace(Device* device, const char* path) { return device->record(path); }

void shw_shape(uint32_t* rows, uint32_t* cols) {
  *rows = ROWS;
  *cols = COLS;
}

// Present the constants of the beat that the engine returns next. A narrow port is smaller than a packed word.
static void present_vectors(Vshw_sim_top& top, const LayerJob& job, uint64_t beat) {
  const uint64_t tile = beat / ROWS;
  const uint64_t row = beat % ROWS;
  const uint64_t index = job.tiles[3 * tile + 2] + (job.weights_on_rows ? row : 0);
  std::memcpy(&top.post_bias, job.bias + index * BIAS_WORDS, COLS * ACC_BYTES);
  std::memcpy(&top.post_bias_shift, job.bias_shift + index * BIAS_SHIFT_WORDS, sizeof(top.post_bias_shift));
  std::memcpy(&top.post_shortcut_shift, job.shortcut_shift + index * SHIFT_WORDS, sizeof(top.post_shortcut_shift));
  std::memcpy(&top.post_shift, job.shift + index * SHIFT_WORDS, sizeof(top.post_shift));
  if (job.factor) std::memcpy(&top.post_factor, job.factor + index * FACTOR_WORDS, COLS * 2);
  if (job.shortcut && job.shortcut_bits) {
    unpack(job.shortcut + beat * packed_bytes(COLS, job.shortcut_bits), reinterpret_cast<uint8_t*>(&top.post_shortcut), COLS,
           job.shortcut_bits);
  } else if (job.shortcut) {
    std::memcpy(&top.post_shortcut, job.shortcut + beat * COLS, COLS);
  }
}

// Write the tables, one word per cycle, and count the cycles; false: no word is taken.
static bool write_tables(Device& device, const LayerJob& job, uint64_t& cycles) {
  auto& top = device.top;
  uint64_t waits = 0;
  for (uint64_t i = 0; i < job.table_words && waits <= job.watchdog; cycles++) {
    top.table_valid = 1;
    top.table_select = job.tables[3 * i];
    top.table_address = job.tables[3 * i + 1];
    top.table_data = job.tables[3 * i + 2] & ((uint64_t(1) << (8 * ACC_BYTES)) - 1);
    device.settle();
    if (top.table_ready) i++, waits = 0;
    else waits++;
    device.edge(true);
  }
  top.table_valid = 0;
  return waits <= job.watchdog;
}

// Look up a stream of codes.
static int look_up(Device* device, LayerJob& job, uint64_t cycle) {
  auto& top = device->top;
  Random in_random(job.seed), out_random(~job.seed);
  uint64_t beat = 0, out_beat = 0, quiet = 0;
  bool offered = false;
  while (out_beat < job.beats) {
    if (!offered && beat < job.beats && (job.in_gap == 0 || in_random.next16() >= job.in_gap)) {
      std::memcpy(&top.codes, job.stream + beat * COLS, COLS);
      top.codes_last = beat + 1 == job.beats;
      top.codes_valid = 1;
      offered = true;
    }
    top.out_ready = job.out_stall == 0 || out_random.next16() >= job.out_stall;
    device->settle();

    const bool taken = offered && top.codes_ready;
    bool moved = taken;
    if (top.out_valid && top.out_ready) {
      if (bool(top.out_last) != (out_beat + 1 == job.beats)) return SHW_LAST_ERROR;
      std::memcpy(job.codes + out_beat * COLS, &top.out_codes, COLS);
      out_beat++;
      moved = true;
    }
    device->edge(true);
    cycle++;

    if (taken) {
      beat++;
      offered = false;
      top.codes_valid = 0;
    }
    quiet = moved ? 0 : quiet + 1;
    if (quiet > job.watchdog) return SHW_HANG;
  }
  job.cycles = cycle;
  top.out_ready = 0;
  return SHW_DONE;
}

int shw_run(Device* device, LayerJob* job_pointer) {
  LayerJob& job = *job_pointer;
  auto& top = device->top;
  Random in_random(job.seed), out_random(~job.seed);
  uint64_t load_cycles = 0;
  apply(top, job);
  if (!write_tables(*device, job, load_cycles)) return SHW_HANG;
  if (job.stream) return look_up(device, job, load_cycles);

  const uint64_t row_bytes = job.cfg_exponent_bits ? packed_bytes(ROWS, job.cfg_exponent_bits) : ROW_BYTES;
  const uint64_t col_bytes = job.cfg_exponent_bits ? packed_bytes(COLS, job.cfg_exponent_bits) : COL_BYTES;
  const uint64_t total_beats = job.tile_count * ROWS;
  uint64_t tile = 0, beat = 0, engine_beat = 0, post_beat = 0, out_beat = 0, quiet = 0, cycle = 0;
  bool offered = false;
  const uint8_t* row_beat = job.row_blocks + uint64_t(job.tiles[0]) * job.beats * row_bytes;
  const uint8_t* col_beat = job.col_blocks + uint64_t(job.tiles[1]) * job.beats * col_bytes;
  present_vectors(top, job, 0);
  job.cycles = job.total_cycles = job.in_beats = job.in_waits = job.out_beats = job.out_waits = 0;
  top.in_valid = 0;

  while (out_beat < total_beats) {
    // inputs of this cycle
    if (!offered && tile < job.tile_count && (job.in_gap == 0 || in_random.next16() >= job.in_gap)) {
      if (job.cfg_exponent_bits) {
        unpack(row_beat, reinterpret_cast<uint8_t*>(&top.in_row), ROWS, job.cfg_exponent_bits);
        unpack(col_beat, reinterpret_cast<uint8_t*>(&top.in_col), COLS, job.cfg_exponent_bits);
      } else {
        std::memcpy(&top.in_row, row_beat, ROW_BYTES);
        std::memcpy(&top.in_col, col_beat, COL_BYTES);
      }
      if (job.row_sp2) top.cfg_row_sp2 = job.row_sp2[job.tiles[3 * tile]];
      top.in_last = beat + 1 == job.beats;
      top.in_valid = 1;
      offered = true;
    }
    top.out_ready = job.out_stall == 0 || out_random.next16() >= job.out_stall;
    device->settle();

    // handshakes of this cycle
    bool moved = false;
    const uint64_t out_beat_before = out_beat;
    const bool taken = offered && top.in_ready;
    const bool engine_taken = top.engine_valid && top.engine_ready;
    if (offered && !taken) job.in_waits++;
    if (engine_taken) {
      if (engine_beat >= total_beats || bool(top.engine_last) != (engine_beat % ROWS == ROWS - 1)) return SHW_LAST_ERROR;
      if (job.products) std::memcpy(job.products + engine_beat * COLS * ACC_BYTES, &top.engine_acc, COLS * ACC_BYTES);
      moved = true;
    }
    const bool post_taken = top.post_taken;
    if (post_taken) {
      if (job.sums) std::memcpy(job.sums + post_beat * COLS * ACC_BYTES, &top.post_sum, COLS * ACC_BYTES);
      moved = true;
    }
    if (top.out_valid) {
      if (top.out_ready) {
        if (bool(top.out_last) != (out_beat % ROWS == ROWS - 1)) return SHW_LAST_ERROR;
        std::memcpy(job.codes + out_beat * COLS, &top.out_codes, COLS);
        out_beat++;
        moved = true;
      } else {
        job.out_waits++;
      }
    }
    if (top.cfg_error) return SHW_CONFIG_ERROR;
    device->edge(top.engine_valid || engine_beat != out_beat_before);
    cycle++;

    if (engine_taken) {
      if (++engine_beat == total_beats) job.cycles = cycle;
      if (engine_beat < total_beats) present_vectors(top, job, engine_beat);
    }
    if (post_taken && ++post_beat == total_beats) job.total_cycles = cycle;
    if (taken) {
      job.in_beats++;
      offered = false;
      top.in_valid = 0;
      row_beat += row_bytes;
      col_beat += col_bytes;
      moved = true;
      if (++beat == job.beats) {
        beat = 0;
        if (++tile < job.tile_count) {
          row_beat = job.row_blocks + uint64_t(job.tiles[3 * tile]) * job.beats * row_bytes;
          col_beat = job.col_blocks + uint64_t(job.tiles[3 * tile + 1]) * job.beats * col_bytes;
        }
      }
    }
    quiet = moved ? 0 : quiet + 1;
    if (quiet > job.watchdog) return SHW_HANG;
  }
  job.out_beats = out_beat;
  top.out_ready = 0;
  return SHW_DONE;
}

}  // extern "C"
