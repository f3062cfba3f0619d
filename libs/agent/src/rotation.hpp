// Rotation: a queue of a connection moves to another relay (agent-protocol.md, "Rotating messaging queue").
//
//   recipient                          relays, old and new                             sender
//   NEW ─────────────────────────────► new queue
//   QADD (the new queue, which it replaces) ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄► a queue to send to, parked
//                                      old queue ◄───────────────────────────────────── QKEY (its keys)
//   KEY ─────────────────────────────► new queue        from here on each message is stored for both queues
//   QUSE ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄► sends to both
//                                      new queue ◄───────────────────────────────────── what came after QKEY, QTEST
//   the first message there:                                           the first one taken there:
//   the old queue is retired                                           the old one is forgotten
//   OFF, and DEL when nothing comes ─► old queue
//
// Messages go on all the while, in order, and nothing is lost wherever either side is killed, and whichever of the two
// relays fails: see delivery_twins.cpp for the sender's part. The state is in the rows:
//
//   recipient:  started      command switch_queue, then a receiving queue "replacement", new
//               sending add  replacement new or confirmed; aborting ends here
//               sending use  replacement secured, and no command secure_replacement
//               received     a receiving queue "retired" with a command retire_queue; another switch may begin
//   sender:     sending key  a sending queue "replacement", new (parked); keys_due while its keys have to wait
//               sending test replacement secured
//
// Of two queues (redundancy, docs/agent.md) either moves in the same way, "second replacement" for the second. All of it goes
// through the other one as well, so that one can move whose relay is lost; and the sender has no copies to park.
#pragma once

#include "commands.hpp"
#include "core.hpp"
#include "delivery.hpp"

namespace simplex::agent {

class Rotation {
 public:
  Rotation(Core& core, DeliveryQueues& deliveries, Commands& commands)
      : core_(core), deliveries_(deliveries), commands_(commands) {}

  // All in a turn.
  [[nodiscard]] Result<> start(const Connection& connection);
  [[nodiscard]] Result<> abort(const Connection& connection);
  [[nodiscard]] Result<bool> under_way(const Connection& connection);
  [[nodiscard]] Result<bool> can_abort(const Connection& connection);

  // The peer's messages. What it must not say is an error that is not of storage, and has changed nothing. Of a list
  // only the first queue counts, as for all programs so far.
  [[nodiscard]] Result<> received(const Connection& connection, const message::QueueAdd& add);
  [[nodiscard]] Result<> received(const Connection& connection, const message::QueueKeys& keys);
  [[nodiscard]] Result<> received(const Connection& connection, const message::QueueUse& use);
  [[nodiscard]] Result<> received(const Connection& connection, const message::QueueTest& test);

  // A message came in the queue, which is a replacement. False: nobody was asked to use it.
  [[nodiscard]] Result<bool> works(const Connection& connection, const RcvQueue& replacement);

  // The relay does not know our queue. One that is to replace another is given up, and another can be made. Of two, the
  // other one goes on, the application is told once, and it is replaced. True: it has been told.
  [[nodiscard]] Result<bool> lost(RcvQueueKey queue);

  // New encryption keys are in use: what was said with the old ones, and may not have been read, is said again.
  [[nodiscard]] Result<> keys_agreed(const Connection& connection);

  // Begins where the configuration wants it.
  [[nodiscard]] Result<> begin_due();
  [[nodiscard]] Result<> clean_up();

 private:
  [[nodiscard]] Result<> replace_lost();

  Core& core_;
  DeliveryQueues& deliveries_;
  Commands& commands_;
};

}  // namespace simplex::agent
