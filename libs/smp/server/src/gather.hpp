// Asks all loops of a relay for their part of something.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "simplex/async/loop.hpp"

namespace simplex::smp::server {

// part(i) runs on loops[i]; done gets all parts on the loop of who asks. Never, when a loop ends before.
template <class Part, class F>
void gather(const std::vector<async::Loop*>& loops, async::Loop& asks, F part,
            std::move_only_function<void(std::vector<Part>)> done) {
  struct Asked {
    F part;
    std::vector<Part> parts;
    std::atomic<std::size_t> missing;
    std::move_only_function<void(std::vector<Part>)> done;
  };
  auto asked = std::make_shared<Asked>(std::move(part), std::vector<Part>(loops.size()), loops.size(), std::move(done));
  for (std::size_t i = 0; i < loops.size(); ++i) {
    loops[i]->post([asked, i, &asks] {
      asked->parts[i] = asked->part(i);
      if (asked->missing.fetch_sub(1) == 1) asks.post([asked] { asked->done(std::move(asked->parts)); });
    });
  }
}

}  // namespace simplex::smp::server
