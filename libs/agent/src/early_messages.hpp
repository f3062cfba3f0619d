// The order of messages that come in two queues (redundancy, docs/agent.md). Each queue brings them in order; but one may lack
// some, which its relay has lost or the sender has given up there. So a message that does not follow the last one waits at
// its relay, as if it had not come, for as long as the other queue may still bring what is between them:
//
//   queue 1   m1 m2 m3 m4          heard: m1 m2 m3 m4 m5
//   queue 2   m1       m4 m5       m4 comes before m2: the turn is undone, and m4 asked for again after m3
#pragma once

#include <map>

#include "core.hpp"
#include "subscriptions.hpp"

namespace simplex::agent {

class EarlyMessages {
 public:
  EarlyMessages(Core& core, Subscriptions& subscriptions) : core_(core), subscriptions_(subscriptions) {}

  // In a turn: whether the message has to wait. Then the turn is to fail, and hold() to be called. number: none when it
  // cannot be decrypted, which may be because too many are between.
  [[nodiscard]] Result<bool> has_to_wait(const Connection& connection, const RcvQueue& queue,
                                         std::optional<SenderMessageId> number);
  // Outside of the turn that failed. False: that was for another reason.
  [[nodiscard]] bool hold();
  // In a turn: a message of this queue did not have to wait.
  [[nodiscard]] Result<> received(const RcvQueue& queue);
  void stop();

 private:
  struct Held {
    ConnKey conn;
    Party party;
    protocol::ServerAddress server;
    smp::RecipientId recipient_id;
    std::optional<SenderMessageId> number;
    Instant since;
    Instant other_heard;  // or had to be connected to
    async::Timer timer{};
  };
  // Whether the other queue, held or not, has nothing that comes before.
  [[nodiscard]] bool has_nothing_before(RcvQueueKey other, std::optional<SenderMessageId> number) const;
  void ask_again(RcvQueueKey queue);

  Core& core_;
  Subscriptions& subscriptions_;
  std::map<RcvQueueKey, Held> held_;
  std::optional<std::pair<RcvQueueKey, Held>> about_to_wait_;
};

}  // namespace simplex::agent
