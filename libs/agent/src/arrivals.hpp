// Messages that have just come. Where there are workers (Dependencies::workers), those that come together, of any queues,
// are decrypted together, on all of them; then each is received in its order, by the loop's thread:
//
//   MSG MSG MSG ── keys of each, from the database ── layers and ratchets, each in some thread ── receive, one by one
//
// A ratchet that a message before it has changed meanwhile is not ahead any more: that message is decrypted again.
#pragma once

#include <functional>

#include "core.hpp"
#include "message_layers.hpp"
#include "relays.hpp"

namespace simplex::agent {

class Arrivals {
 public:
  // layers: of those that were opened ahead.
  using Receive = std::function<void(Relay& relay, const smp::RecipientId& queue, const smp::broker::Msg& message,
                                     std::optional<MessageLayers> layers)>;
  Arrivals(Core& core, Receive receive) : core_(core), receive_(std::move(receive)) {}

  void add(Relay& relay, const smp::RecipientId& queue, const smp::broker::Msg& message);
  // Those that were not received yet are forgotten; their relays deliver them again.
  void stop();

  static constexpr std::size_t most_together = 64;  // of 16 KB each

 private:
  struct Arrived {
    Relay* relay;
    smp::RecipientId queue;
    smp::MessageId id;
    Bytes encrypted_body;
    std::optional<MessageLayers> layers{};

    [[nodiscard]] smp::broker::Msg message() const { return {id, Content(encrypted_body)}; }
  };
  void look_again();
  void receive_all();
  void open_ahead(std::vector<Arrived>& arrived);
  [[nodiscard]] Result<std::optional<LayerKeys>> keys_for(const Arrived& arrived, std::vector<ConnKey>& before);

  Core& core_;
  Receive receive_;
  std::vector<Arrived> arrived_;
  std::size_t seen_ = 0;
  bool posted_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace simplex::agent
