// The network of a simulated world: hosts that listen, connections between parties, and everything that goes wrong with
// them. It takes the place of TCP and TLS together: a channel here is what a finished TLS handshake gives, with a random
// session id that both ends know and the relay's certificate chain. Octets arrive late, in pieces of any size, in order
// within a connection and in any order between connections.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "simplex/base/random.hpp"
#include "simplex/transport/channel.hpp"
#include "simplex/world/scheduler.hpp"

namespace simplex::world {

class Link;  // one connection

// Delay of a packet in one direction, uniform between the two.
struct Latency {
  Duration least = std::chrono::milliseconds(1);
  Duration most = std::chrono::milliseconds(20);
};

// What a listening host shows in the TLS handshake.
struct ServerIdentity {
  std::vector<Bytes> certificates;  // DER, leaf first; the second is the identity
  transport::KeyHash key_hash;      // of the identity
  std::vector<std::string> alpn{"smp/1"};
};

class SimNetwork {
 public:
  SimNetwork(Scheduler& scheduler, std::uint64_t seed);
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  // Stops listening when dropped; connections that were made stay.
  class Listener {
   public:
    virtual ~Listener() = default;
  };
  using Accept = std::function<void(transport::ChannelPtr)>;
  [[nodiscard]] std::unique_ptr<Listener> listen(SimLoop& loop, std::string host, ServerIdentity identity,
                                                 Accept accept);
  // Of a host with several loops: which takes the connection of this number, and how.
  struct Place {
    SimLoop* loop = nullptr;
    Accept accept;
  };
  using ChoosePlace = std::function<Place(std::size_t connection)>;
  [[nodiscard]] std::unique_ptr<Listener> listen(std::string host, ServerIdentity identity, ChoosePlace place);

  // The way out of one party's machine; the party's name is its place on the network. The loop that is given to
  // Connector::connect must be a SimLoop of this world. certificates: what it shows in the TLS handshake, DER, leaf first.
  [[nodiscard]] std::unique_ptr<transport::Connector> connector(std::string party,
                                                                std::vector<Bytes> certificates = {});

  void set_latency(Latency latency) { latency_ = latency; }
  // Each piece of data that is sent loses its connection with this probability: data on the way, in either direction,
  // may arrive or not, and both ends learn of it at different times.
  void set_loss_of_connection(double probability) { loss_ = probability; }
  // Loses every connection between the two now. A name is that of a party or of a host; "" stands for everyone.
  void lose_connections(std::string_view party, std::string_view host);
  // While cut off, new connections time out and data of the existing ones stands still; nobody is told. After 90 s TCP
  // keep-alive gives the connections up, and both ends learn that.
  void cut(std::string party, std::string host);
  void restore(std::string_view party, std::string_view host);
  // What the party sends from now on is not sent, until it asks for a connector again: its process has been killed in
  // the middle of a call.
  void silence(std::string party) { silenced_.insert(std::move(party)); }
  // While it refuses, new connections to the host fail at once.
  void refuse(std::string host, bool refused);

  [[nodiscard]] std::size_t open_connections() const;
  [[nodiscard]] std::uint64_t connections_made() const noexcept { return made_; }
  [[nodiscard]] std::uint64_t connections_lost() const noexcept { return lost_; }
  // Called with each piece of data that a party or a host hands to the network, before it goes.
  void on_send(std::function<void(std::string_view from, std::string_view to, BytesView octets)> observer);

  // For the parts of the network.
  struct Listening {
    ServerIdentity identity;
    ChoosePlace place;
    std::uint64_t number;
    std::size_t connections = 0;
  };

 private:
  friend class Link;
  friend class SimConnector;
  friend class SimListener;

  [[nodiscard]] Duration draw_latency();
  [[nodiscard]] bool draw(double probability);
  [[nodiscard]] bool cut_between(std::string_view party, std::string_view host) const;
  void at(Instant when, async::Task task);

  SimLoop air_;  // what is on the way belongs to no party
  std::unique_ptr<Random> random_;
  Latency latency_;
  double loss_ = 0;
  std::map<std::string, Listening, std::less<>> listening_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> cuts_;
  std::set<std::string, std::less<>> refused_;
  std::set<std::string, std::less<>> silenced_;
  std::vector<std::weak_ptr<Link>> links_;
  std::function<void(std::string_view, std::string_view, BytesView)> observer_;
  std::uint64_t next_number_ = 0;
  std::uint64_t made_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace simplex::world
