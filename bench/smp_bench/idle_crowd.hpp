// Connections that are open, subscribed to queues, and silent.
#pragma once

#include "load.hpp"

namespace simplex::bench {

class IdleCrowd {
 public:
  // lost: a connection ended by itself.
  IdleCrowd(Worker& worker, std::function<void(Error)> lost) : worker_(worker), lost_(std::move(lost)) {}

  // Opens so many connections more, each with its own queues; `opened` is told how long each took.
  void open(std::size_t connections, std::size_t queues, std::function<void(Duration)> opened, Finished done);
  void tidy(std::move_only_function<void()> done);

 private:
  struct Member {
    std::unique_ptr<Peer> peer;
    std::vector<Queue> queues;
  };
  void join(Member& member, std::size_t queues, Finished done);

  Worker& worker_;
  std::function<void(Error)> lost_;
  std::vector<std::unique_ptr<Member>> members_;
};

}  // namespace simplex::bench
