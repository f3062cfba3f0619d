#include "simplex/world/network.hpp"

#include <algorithm>
#include <stdexcept>

#include "simplex/testing/random.hpp"
#include "link.hpp"

namespace simplex::world {

namespace {

constexpr int packets_of_handshake = 4;  // TCP and TLS 1.3
constexpr auto keep_alive = std::chrono::seconds(90);

Error refused_by(const std::string& host) {
  return {ErrorKind::network, "the connection to " + host + " was refused; is the relay running?", Advice::retry};
}

}  // namespace

class SimListener final : public SimNetwork::Listener {
 public:
  SimListener(SimNetwork& network, std::string host, std::uint64_t number)
      : network_(&network), host_(std::move(host)), number_(number) {}
  ~SimListener() override {
    const auto found = network_->listening_.find(host_);
    if (found != network_->listening_.end() && found->second.number == number_) network_->listening_.erase(found);
  }
  SimListener(const SimListener&) = delete;
  SimListener& operator=(const SimListener&) = delete;

 private:
  SimNetwork* network_;
  std::string host_;
  std::uint64_t number_;
};

class SimConnector final : public transport::Connector {
 public:
  SimConnector(SimNetwork& network, std::string party, std::vector<Bytes> certificates)
      : network_(&network), party_(std::move(party)), certificates_(std::move(certificates)) {}

  std::unique_ptr<Attempt> connect(async::Loop& loop, transport::ConnectOptions options,
                                   std::move_only_function<void(Result<transport::ChannelPtr>)> done) override {
    auto* const own_loop = dynamic_cast<SimLoop*>(&loop);
    if (own_loop == nullptr) throw std::logic_error("a simulated network needs a simulated loop");
    auto state = std::make_shared<State>();
    state->options = std::move(options);
    state->done = std::move(done);
    state->loop = own_loop;
    state->deadline = own_loop->after(state->options.timeout, [weak = std::weak_ptr(state)] {
      if (const auto strong = weak.lock())
        strong->finish(fail(ErrorKind::timeout, "the relay did not answer in time", Advice::retry));
    });
    try_next(state);
    return std::make_unique<SimAttempt>(std::move(state));
  }

 private:
  struct State {
    transport::ConnectOptions options;
    std::move_only_function<void(Result<transport::ChannelPtr>)> done;
    SimLoop* loop = nullptr;
    async::Timer deadline;
    async::Timer next;
    std::size_t tried = 0;

    void finish(Result<transport::ChannelPtr> result) {
      deadline.cancel();
      next.cancel();
      if (auto call = std::exchange(done, nullptr)) call(std::move(result));
    }
  };

  class SimAttempt final : public Attempt {
   public:
    explicit SimAttempt(std::shared_ptr<State> state) : state_(std::move(state)) {}
    ~SimAttempt() override {
      state_->deadline.cancel();
      state_->next.cancel();
      state_->done = nullptr;
    }
    SimAttempt(const SimAttempt&) = delete;
    SimAttempt& operator=(const SimAttempt&) = delete;

   private:
    std::shared_ptr<State> state_;
  };

  // The state lives in the attempt that the caller holds; what is scheduled refers to it weakly.
  void try_next(const std::shared_ptr<State>& state) {
    Duration delay{};
    for (int packet = 0; packet < packets_of_handshake; ++packet) delay += network_->draw_latency();
    state->next = state->loop->after(delay, [this, weak = std::weak_ptr(state)] {
      if (const auto strong = weak.lock()) arrive(strong);
    });
  }

  void arrive(const std::shared_ptr<State>& state) {
    const auto& endpoints = state->options.endpoints;
    if (endpoints.empty()) return state->finish(fail(ErrorKind::network, "the address has no host"));
    const std::string& host = endpoints[state->tried].host;
    if (network_->cut_between(party_, host)) {
      state->next.cancel();
      return;  // silence, until the deadline
    }
    const auto found = network_->listening_.find(host);
    if (found == network_->listening_.end() || network_->refused_.contains(host)) {
      if (++state->tried < endpoints.size()) return try_next(state);
      return state->finish(std::unexpected(refused_by(host)));
    }
    SimNetwork::Listening& server = found->second;
    if (server.identity.key_hash != state->options.identity)
      return state->finish(fail(ErrorKind::authentication, "the relay's certificate is not the one in its address"));

    const SimNetwork::Place place = server.place(server.connections++);
    auto link = std::make_shared<Link>(*network_, party_, host, *state->loop, *place.loop);
    std::erase_if(network_->links_, [](const auto& each) { return each.expired(); });
    network_->links_.push_back(link);
    ++network_->made_;

    transport::ChannelInfo info;
    info.session_id = transport::SessionId(network_->random_->bytes(32));
    const auto& offered = state->options.alpn;
    const auto chosen = std::ranges::find_first_of(offered, server.identity.alpn);
    if (chosen != offered.end()) info.alpn = *chosen;
    info.peer_certificates = certificates_;
    auto host_channel = link->channel(Side::host, info);
    info.peer_certificates = server.identity.certificates;
    auto client_channel = link->channel(Side::client, std::move(info));
    place.loop->post(
        [accept = place.accept, channel = std::move(host_channel)]() mutable { accept(std::move(channel)); });
    state->finish(std::move(client_channel));
  }

  SimNetwork* network_;
  std::string party_;
  std::vector<Bytes> certificates_;
};

SimNetwork::SimNetwork(Scheduler& scheduler, std::uint64_t seed)
    : air_(scheduler), random_(std::make_unique<testing::SeededRandom>(seed)) {}

SimNetwork::~SimNetwork() = default;

std::unique_ptr<SimNetwork::Listener> SimNetwork::listen(SimLoop& loop, std::string host, ServerIdentity identity,
                                                         Accept accept) {
  return listen(std::move(host), std::move(identity),
                [&loop, accept = std::move(accept)](std::size_t) { return Place{&loop, accept}; });
}

std::unique_ptr<SimNetwork::Listener> SimNetwork::listen(std::string host, ServerIdentity identity, ChoosePlace place) {
  if (listening_.contains(host)) throw std::logic_error(host + " listens already");
  const std::uint64_t number = next_number_++;
  listening_.emplace(host, Listening{std::move(identity), std::move(place), number});
  return std::make_unique<SimListener>(*this, std::move(host), number);
}

std::unique_ptr<transport::Connector> SimNetwork::connector(std::string party, std::vector<Bytes> certificates) {
  silenced_.erase(party);
  return std::make_unique<SimConnector>(*this, std::move(party), std::move(certificates));
}

void SimNetwork::lose_connections(std::string_view party, std::string_view host) {
  for (const auto& weak : links_) {
    if (const auto link = weak.lock(); link && link->joins(party, host)) link->lose();
  }
}

void SimNetwork::cut(std::string party, std::string host) {
  const std::uint64_t number = next_number_++;
  const std::pair names(std::move(party), std::move(host));
  cuts_[names] = number;
  at(air_.now() + keep_alive, [this, names, number] {
    const auto found = cuts_.find(names);
    if (found != cuts_.end() && found->second == number) lose_connections(names.first, names.second);
  });
}

void SimNetwork::restore(std::string_view party, std::string_view host) {
  std::erase_if(cuts_, [&](const auto& each) { return each.first.first == party && each.first.second == host; });
  for (const auto& weak : links_) {
    if (const auto link = weak.lock()) link->wake();
  }
}

void SimNetwork::refuse(std::string host, bool refused) {
  if (refused) {
    refused_.insert(std::move(host));
  } else {
    refused_.erase(host);
  }
}

std::size_t SimNetwork::open_connections() const {
  return static_cast<std::size_t>(std::ranges::count_if(links_, [](const auto& weak) {
    const auto link = weak.lock();
    return link && link->open();
  }));
}

void SimNetwork::on_send(std::function<void(std::string_view, std::string_view, BytesView)> observer) {
  observer_ = std::move(observer);
}

Duration SimNetwork::draw_latency() {
  const auto span = static_cast<std::uint64_t>((latency_.most - latency_.least).count());
  return latency_.least + Duration(static_cast<Duration::rep>(random_->below(span + 1)));
}

bool SimNetwork::draw(double probability) {
  if (probability <= 0) return false;
  return static_cast<double>(random_->below(1'000'000)) < probability * 1'000'000;
}

bool SimNetwork::cut_between(std::string_view party, std::string_view host) const {
  return std::ranges::any_of(cuts_, [&](const auto& each) {
    const auto& [cut_party, cut_host] = each.first;
    return (cut_party.empty() || cut_party == party) && (cut_host.empty() || cut_host == host);
  });
}

void SimNetwork::at(Instant when, async::Task task) { air_.scheduler().add(&air_, when, std::move(task)); }

}  // namespace simplex::world
