// Two agents on desks; what one would send is put before the other by hand.
#pragma once

#include "desk.hpp"

namespace simplex::agent {

// The one event, of this kind.
template <class E>
std::optional<E> only(const std::vector<Event>& events) {
  EXPECT_EQ(events.size(), 1u);
  if (events.size() != 1) return std::nullopt;
  const auto* event = std::get_if<E>(&events.front().body);
  EXPECT_NE(event, nullptr) << "another event: " << events.front().body.index();
  return event ? std::optional(*event) : std::nullopt;
}

inline std::string text_of(const MessageReceived& message) { return std::string(as_text(message.body)); }

class PairTest : public ::testing::Test {
 protected:
  // Alice has invited, bob has joined, and his confirmation is there.
  void confirm() {
    bob.join(alice.invite(), "bob's profile");
    const auto confirmed = only<ConfirmationReceived>(alice.deliver(bob.take()));
    ASSERT_TRUE(confirmed);
    EXPECT_EQ(as_text(confirmed->peer_info), "bob's profile");
  }
  // Fast handshake: both directions work.
  void connect() {
    confirm();
    ASSERT_TRUE(answer_confirmation());
  }
  // Alice accepts bob, who hears of it.
  [[nodiscard]] bool answer_confirmation() {
    const auto answered = alice.core->turn.run([&]() -> Result<> {
      SIMPLEX_ASSIGN(auto queue, make_snd_queue(alice.core->dependencies.random, alice.connection.key,
                                                bob.receiving().address(), SmpClientVersion(4)));
      SIMPLEX_ASSIGN(queue.key, alice.core->queues.insert(queue));
      SIMPLEX_TRY(alice.deliveries->enqueue_confirmation(alice.now_connection(), queue,
                                                         AgentConnInfo{Content(as_bytes("alice's profile"))}));
      return alice.core->connections.set_connected(alice.connection.key);
    });
    const auto events = bob.deliver(alice.take());
    return answered && events.size() == 2 && std::holds_alternative<PeerInfoReceived>(events.front().body) &&
           std::holds_alternative<Connected>(events.back().body);
  }
  // What from says arrives; it is what to reads.
  MessageReceived hear(Desk& from, Desk& to, std::string_view text) {
    from.say(text);
    const auto message = only<MessageReceived>(to.deliver(from.take()));
    EXPECT_TRUE(message && text_of(*message) == text);
    return message.value_or(MessageReceived{});
  }
  void expect_heard(const std::vector<Event>& events, std::string_view text) {
    const auto message = only<MessageReceived>(events);
    ASSERT_TRUE(message);
    EXPECT_EQ(text_of(*message), text);
  }

  Desk alice{1};
  Desk bob{2};
};

}  // namespace simplex::agent
