// A loop of the operating system that a test runs until something holds.
#pragma once

#include <chrono>
#include <functional>

namespace simplex::testing {

// Of an async::ThreadLoop; false when it does not hold within 20 seconds.
template <class Loop, class F>
[[nodiscard]] bool run_until(Loop& loop, F&& holds) {
  using namespace std::chrono_literals;
  const auto end = loop.now() + 20s;
  bool held = false;
  decltype(loop.after(500us, {})) timer;
  std::function<void()> look = [&] {
    held = holds();
    if (held || loop.now() > end) return loop.stop();
    timer = loop.after(500us, [&] { look(); });
  };
  loop.post([&] { look(); });
  loop.run();
  return held;
}

}  // namespace simplex::testing
