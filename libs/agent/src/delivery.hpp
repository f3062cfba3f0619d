// Sending: each queue delivers its messages in order, and tries again until the relay has taken them or too much time has
// passed (Timeouts). A message is sent only after the turn that accepted it is committed, since its place in the ratchet
// must not be used twice.
//
// Several may be on their way to the relay at once, where none of them can be refused for want of room: then one behind it
// could be taken, and arrive before it. So they go one after another from where the queue may be half full as relays are
// set up, until something shows that the peer has read: its receipt, or that a queue which was full takes one again, as
// relays allow only when it is empty. What is on its way when the session breaks goes again, all of it and in order, and
// the peer knows by their hashes those that have come.
#pragma once

#include <map>

#include "core.hpp"
#include "handshake.hpp"
#include "relays.hpp"
#include "routes.hpp"

namespace simplex::agent {

class DeliveryQueues {
 public:
  DeliveryQueues(Core& core, Relays& relays, Routes& routes) : core_(core), relays_(relays), routes_(routes) {}

  // In a turn: numbers and encrypts the message, and stores it.
  // shared: the body of a user's message, where it is stored already. notify: unless its kind never does.
  [[nodiscard]] Result<MessageId> enqueue(const Connection& connection, const SndQueue& queue, DeliveryKind kind,
                                          AMessage message, std::optional<SharedBody> shared = std::nullopt,
                                          bool notify = true);
  // In a turn: our connection information, with a reply queue when we join.
  [[nodiscard]] Result<> enqueue_confirmation(const Connection& connection, const SndQueue& queue,
                                              const RatchetContent& content);

  // In a turn: a receipt of the message, where the peer knows receipts.
  [[nodiscard]] Result<> enqueue_receipt(const Connection& connection, const StoredMessage& message);

  // In a turn: our keys for a new ratchet. They have no number, and are not encrypted with the old one.
  [[nodiscard]] Result<> enqueue_ratchet_keys(const Connection& connection, const crypto::E2eRatchetParams& keys);

  // In a turn: our invitation, to an address.
  [[nodiscard]] Result<> enqueue_request(const Connection& connection, const AddressRequest& request,
                                         const protocol::InvitationLink& invitation);

  // In a turn: offers the peer a queue in the place of the one that it uses.
  [[nodiscard]] Result<> enqueue_add(const Connection& connection, const SndQueue& queue, const RcvQueue& added,
                                     const RcvQueue& replaced);
  // In a turn: our keys for the queue that the peer has added. At most one such message waits in a queue, however often the
  // peer adds another; and while the peer could not read it, it waits until new encryption keys are agreed on.
  [[nodiscard]] Result<> offer_keys(const Connection& connection, const SndQueue& added);
  // The same, when that had to wait.
  [[nodiscard]] Result<> offer_keys_if_due(const Connection& connection);

  // In a turn: asks the peer to use our new queue.
  [[nodiscard]] Result<> enqueue_use(const Connection& connection, const SndQueue& queue, const RcvQueue& use);

  // Of a queue that replaces another, in a turn (delivery_twins.cpp): it is given up.
  [[nodiscard]] Result<> drop_replacement(const Connection& connection);
  // It works: what is not delivered yet goes there alone.
  [[nodiscard]] Result<> take_over(const Connection& connection, const SndQueue& replacement);
  // The old queue refuses it: if the new one may be used, it goes there. True: it does.
  [[nodiscard]] Result<bool> hand_over(const Delivery& delivery);
  // Of two queues, one is replaced: what waited there goes to the new one. False: there is no second queue.
  [[nodiscard]] Result<bool> take_place_of_one(const Connection& connection, const SndQueue& replacement);
  // Of two queues, this one is given up, and what waited there alone goes to the other.
  [[nodiscard]] Result<> drop_one_of_two(const SndQueue& queue);
  // The peer has the message: no need to send it again.
  [[nodiscard]] Result<> arrived(const Connection& connection, MessageId message);
  // Copies that have waited too long for their queue to be used go.
  [[nodiscard]] Result<> clean_up();
  // After the commit: its messages need not wait any more; other ones may have come before those on their way.
  void wake(SndQueueKey queue);

  // In a turn: the relay has taken it, from this proxy if it was one.
  [[nodiscard]] Result<> sent(const Delivery& delivery, const std::string& proxy = {});
  // In a turn: no relay will.
  [[nodiscard]] Result<> give_up(const Delivery& delivery, Failure failure, Error error);
  // Whether what a relay refused in this way is sent to it again after a pause.
  [[nodiscard]] static bool tries_again(DeliveryKind kind, const smp::client::Failure& why) noexcept;
  // What SEND carries for it.
  [[nodiscard]] Result<Bytes> body_of(const Delivery& delivery, const SndQueue& queue);

  [[nodiscard]] Result<> start();
  void stop();
  void relay_up(const Relay& relay);
  // The relay cannot be reached: messages that have waited too long are given up.
  void relay_down(const Relay& relay, const smp::client::Failure& why);
  [[nodiscard]] bool needs(const Relay& relay) const;
  // The peer has emptied its queue: no need to wait longer.
  void continue_sending(SndQueueKey queue);
  void forget(SndQueueKey queue) { queues_.erase(queue); }

 private:
  struct Failed {
    Delivery delivery;
    smp::client::Failure why;
  };
  struct Sending {
    Sending(const Timeouts& timeouts, std::int64_t unread_before)
        : fast(timeouts.message_fast), slow(timeouts.message_slow), unread(unread_before) {}
    // Whether one more may go.
    [[nodiscard]] bool has_room() const;

    Relay* relay = nullptr;         // through whose session it goes
    RelayCounts* counts = nullptr;  // of the queue's relay
    bool proxied = false;
    bool waiting = false;  // for the relay's session
    async::Timer timer;
    Backoff fast;
    Backoff slow;
    DeliveryKey warned;  // MessageDelayed was said of this one

    std::size_t in_flight = 0;
    DeliveryKey last;              // that is in flight
    bool alone = false;            // nothing goes beside it
    bool settling = false;         // nothing goes until all are answered, then from the first one on
    bool lost = false;             // while settling: the session has ended
    std::optional<Failed> failed;  // while settling: the first that is to be tried again
    bool trying = false;           // after a failure: one alone, until one is taken
    bool full = false;             // the queue was
    bool secured = false;          // maybe by a confirmation of ours whose answer was lost
    std::int64_t unread = 0;       // at most so many messages of ours wait for the peer
    MessageId taken;               // the last that the relay has taken
  };

  // A relay will not take it; another one may. True: there is nothing more to be done about it.
  [[nodiscard]] Result<bool> refused_by_one_of_two(const Delivery& delivery, const Connection& connection,
                                                   Failure failure);
  [[nodiscard]] Result<> store(Delivery delivery);
  [[nodiscard]] Result<> store_twin(Delivery delivery);
  void kick(SndQueueKey queue);
  [[nodiscard]] Result<> send_some(SndQueueKey queue);
  [[nodiscard]] Result<> send_one(Delivery delivery, const SndQueue& queue, Sending& sending);
  void answered(Delivery delivery, const smp::client::Outcome<>& outcome, const std::string& proxy);
  // Whether the queue has another way now than that of the relay.
  [[nodiscard]] Result<bool> goes_elsewhere(SndQueueKey queue, const Relay& relay);
  static void count(const Sending& sending, const smp::client::Outcome<>& outcome);
  void settled(SndQueueKey queue, Sending& sending);
  [[nodiscard]] static bool goes_alone(const Delivery& delivery, const SndQueue& queue);
  // It was given up, and without it the agreement on new encryption keys does not go on.
  [[nodiscard]] Result<> agreement_failed(const Delivery& delivery, const Connection& connection);
  [[nodiscard]] Result<> confirmed(const Delivery& delivery, const Connection& connection, const SndQueue& queue);
  [[nodiscard]] Result<> give_up_expired(SndQueueKey queue, Duration expiry, const smp::client::Failure& why);
  void retry(SndQueueKey queue, Sending& sending, const Delivery& delivery, const smp::client::Failure& why);
  // What is left of the random time that it waits (Mixing).
  [[nodiscard]] Duration left_of_delay(const Delivery& delivery) const;
  // Nothing goes until the time is over.
  void hold(SndQueueKey queue, Sending& sending, Duration time);
  void retry_now(SndQueueKey queue);
  void warn(Sending& sending, const Delivery& delivery, Failure failure, const Error& error);

  Core& core_;
  Relays& relays_;
  Routes& routes_;
  std::map<SndQueueKey, Sending> queues_;
  DeliveryKey committed_;
};

}  // namespace simplex::agent
