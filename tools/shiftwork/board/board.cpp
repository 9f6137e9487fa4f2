// SPDX-License-Identifier: Apache-2.0
// The simulated board: a system, its serial line bit by bit, and a pseudo-terminal at the other end of it.
#include <asm/termbits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdint>
#include <deque>

#include "model.h"
#include "serial_job.h"
#include "top.h"

double sc_time_stamp() { return 0; }

namespace {
constexpr unsigned BITS = 10;         // of a byte: start, 8 data, stop
constexpr unsigned LOOK = 64;         // clocks between two looks at the port
constexpr uint64_t IDLE = 20000;      // clocks without anything after which the board sleeps
constexpr int SLEEP_MS = 20;

struct Device : Model<Top> {
  Random random{1};
  std::deque<uint8_t> waiting;        // bytes of the host that are not on the line
  uint64_t cycle = 0;
  uint64_t quiet = 0;                 // clocks without anything
  unsigned out = BITS;                // bit of the host's byte that is on the line; BITS: none
  unsigned in = 0;                    // bit of the board's byte that comes next; 0: none has begun
  uint16_t out_byte = 0, in_byte = 0;
  double out_next = 0, in_next = 0;   // when the next bit goes out, or is looked at

  void tick() {
    top.PIN_CLOCK = 1;
    top.eval();
    dump();
    top.PIN_CLOCK = 0;
    top.eval();
    dump();
  }
};

// Clocks of a bit at the speed that the host set; 0: it set none.
double clocks_per_bit(const SerialJob& job) {
  struct termios2 settings;
  if (ioctl(static_cast<int>(job.port), TCGETS2, &settings) || !settings.c_ospeed) return 0;
  return static_cast<double>(job.clock) / settings.c_ospeed;
}
}  // namespace

extern "C" {

Device* shw_new() {
  auto* device = new Device;
  device->top.uart_rx = 1;
  device->top.PIN_RESET = !PIN_RELEASED;
  for (int i = 0; i < 16; i++) device->tick();
  device->top.PIN_RESET = PIN_RELEASED;
  return device;
}

void shw_free(Device* device) { delete device; }

int shw_trace(Device* device, const char* path) { return device->record(path); }

// Run a while: 0; or 1 where the port is gone
int shw_run(Device* handle, SerialJob* job) {
  auto& device = *handle;
  auto& top = device.top;
  const int port = static_cast<int>(job->port);
  auto level = [&](bool bit) {        // as the other end sees it
    auto share = (static_cast<uint32_t>(device.random.next16()) << 16) | device.random.next16();
    return bit != (job->noise && share < job->noise);
  };
  for (const uint64_t end = device.cycle + job->cycles; device.cycle < end; device.cycle++) {
    if (device.waiting.empty() && (device.quiet > IDLE || device.cycle % LOOK == 0)) {
      const bool sleeps = device.quiet > IDLE;
      struct pollfd look = {port, POLLIN, 0};
      if (poll(&look, 1, sleeps ? SLEEP_MS : 0) > 0) {
        uint8_t bytes[64];
        const auto count = read(port, bytes, sizeof bytes);
        if (count <= 0) return 1;
        device.waiting.insert(device.waiting.end(), bytes, bytes + count);
      } else if (sleeps) {
        return 0;
      }
    }
    const double now = static_cast<double>(device.cycle);
    bool active = top.PIN_BUSY || !top.uart_tx;
    // The host's bytes.
    if (device.out < BITS && now >= device.out_next) {
      device.out++;
      device.out_next += clocks_per_bit(*job);
      if (device.out < BITS) top.uart_rx = level(device.out_byte >> device.out & 1);
    }
    if (device.out == BITS) {
      top.uart_rx = 1;
      const double period = device.waiting.empty() ? 0 : clocks_per_bit(*job);
      if (period > 0) {
        device.out_byte = static_cast<uint16_t>(device.waiting.front() << 1 | 1 << (BITS - 1));
        device.waiting.pop_front();
        device.out = 0;
        device.out_next = now + period;
        top.uart_rx = level(false);
      }
    }
    active |= device.out < BITS;
    // The board's bytes.
    if (device.in == 0 && !top.uart_tx) {
      device.in = 1;
      device.in_byte = 0;
      device.in_next = now + 1.5 * clocks_per_bit(*job);
    } else if (device.in && now >= device.in_next) {
      if (device.in < BITS - 1) {
        device.in_byte |= static_cast<uint16_t>(level(top.uart_tx) << (device.in - 1));
        device.in_next += clocks_per_bit(*job);
        device.in++;
      } else if (top.uart_tx) {       // the stop bit, or a line that is high again
        const auto byte = static_cast<uint8_t>(device.in_byte);
        if (write(port, &byte, 1) != 1) job->lost++;
        device.in = 0;
      }
    }
    active |= device.in != 0;
    device.quiet = active ? 0 : device.quiet + 1;
    device.tick();
  }
  return 0;
}
}
