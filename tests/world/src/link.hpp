// One simulated connection: two ends and a stream of octets each way.
#pragma once

#include <array>
#include <optional>

#include "simplex/world/network.hpp"

namespace simplex::world {

enum class Side : std::uint8_t { client = 0, host = 1 };

[[nodiscard]] constexpr Side other(Side side) { return side == Side::client ? Side::host : Side::client; }

class Link : public std::enable_shared_from_this<Link> {
 public:
  Link(SimNetwork& network, std::string party, std::string host, SimLoop& client, SimLoop& server);

  // The channel of one side; at most once for each.
  [[nodiscard]] transport::ChannelPtr channel(Side side, transport::ChannelInfo info);

  // Both ends lose it, each at its time; of the data on the way, what would come too late is lost.
  void lose();
  void wake();
  [[nodiscard]] bool open() const;
  [[nodiscard]] bool joins(std::string_view party, std::string_view host) const {
    return (party.empty() || party == party_) && (host.empty() || host == host_);
  }

 private:
  friend class SimChannel;

  // One side: its owner's wishes, what it sends, and what arrives for it.
  struct End {
    SimLoop* loop = nullptr;                                 // valid while attached
    std::shared_ptr<transport::Channel::Handlers> handlers;  // none before start()
    bool attached = true;                                    // the owner holds the channel and has not closed it
    bool reading = true;
    bool delivery_scheduled = false;
    Bytes received;            // arrived, not yet read
    std::optional<Error> end;  // the stream ends with this after what was received
    bool ended = false;        // and the owner knows

    Bytes pending;  // sent by the owner, not yet on the way
    bool transfer_scheduled = false;
    std::size_t in_flight = 0;
    Instant last_arrival{};  // at the other side: keeps the order
    bool finishing = false;  // nothing more will be sent
    bool finished = false;   // and the other side has been told, or will be
  };

  [[nodiscard]] End& end(Side side) { return ends_[static_cast<std::size_t>(side)]; }
  [[nodiscard]] const std::string& name(Side side) const { return side == Side::client ? party_ : host_; }

  void send(Side from, BytesView octets);
  void schedule_transfer(Side from);
  void transfer(Side from);
  void arrive(Side to, BytesView octets, Instant at);
  void schedule_delivery(Side to);
  void deliver(Side to);
  void finish(Side from);  // the owner of this side has closed, or is gone
  void detach(Side side);
  [[nodiscard]] Instant next_arrival(End& from);

  SimNetwork* network_;
  std::string party_;
  std::string host_;
  std::array<End, 2> ends_;
  std::optional<Instant> lost_at_;  // what would arrive later does not
};

class SimChannel final : public transport::Channel {
 public:
  SimChannel(std::shared_ptr<Link> link, Side side, transport::ChannelInfo info)
      : link_(std::move(link)), side_(side), info_(std::move(info)) {}
  ~SimChannel() override { link_->detach(side_); }
  SimChannel(const SimChannel&) = delete;
  SimChannel& operator=(const SimChannel&) = delete;

  void start(Handlers handlers) override;
  void send(Bytes octets) override;
  [[nodiscard]] std::size_t pending() const override;
  void pause_reading() override;
  void resume_reading() override;
  void close() override;
  void abort() override;
  [[nodiscard]] const transport::ChannelInfo& info() const override { return info_; }

 private:
  std::shared_ptr<Link> link_;
  Side side_;
  transport::ChannelInfo info_;
};

}  // namespace simplex::world
