#include "peer.hpp"

namespace simplex::bench {
namespace {

constexpr auto connect_timeout = std::chrono::seconds(60);
constexpr std::size_t counter_size = 8;

// The counter at the end of our correlation ids.
std::optional<std::uint64_t> counter_of(const smp::CorrId& id) {
  const auto octets = id.view();
  if (octets.size() != smp::CorrId::size_bytes) return std::nullopt;
  std::uint64_t counter = 0;
  for (const auto octet : octets.last(counter_size)) counter = counter << 8 | octet;
  return counter;
}

}  // namespace

Peer::Peer(Worker& worker, Handlers handlers, std::size_t batch)
    : worker_(worker),
      handlers_(std::make_shared<Handlers>(std::move(handlers))),
      batch_limit_(batch),
      id_prefix_(worker.random.bytes(smp::CorrId::size_bytes - counter_size)) {}

Peer::~Peer() { *alive_ = false; }

void Peer::connect(const protocol::ServerAddress& relay, Finished connected) {
  connected_ = std::move(connected);
  const auto identity = transport::KeyHash::from(relay.key_hash.view());
  const auto port = relay.port_number();
  if (!identity || !port) {
    worker_.loop.post([this, alive = alive_] {
      if (*alive) lose({ErrorKind::malformed, "the relay's address has no fingerprint of 32 octets, or no port"});
    });
    return;
  }
  transport::ConnectOptions options;
  for (const auto& host : relay.hosts) options.endpoints.push_back({host.text(), *port});
  options.identity = *identity;
  options.timeout = connect_timeout;
  // A client of that time: without ALPN it is served as one of version 6.
  if (worker_.settings.version < transport::session_key_version) options.alpn.clear();
  attempt_ = worker_.connector.connect(worker_.loop, std::move(options),
                                       [this, identity = *identity](Result<transport::ChannelPtr> channel) {
                                         if (!channel) return lose(std::move(channel).error());
                                         begin_session(std::move(*channel), identity);
                                       });
}

void Peer::begin_session(transport::ChannelPtr channel, const transport::KeyHash& identity) {
  const auto wanted = worker_.settings.version;
  transport::ClientHandshakeSettings settings;
  settings.identity = identity;
  settings.versions = {smp::initial_version, wanted};
  std::optional<crypto::X25519KeyPair> key;
  if (wanted >= transport::session_key_version) key = crypto::generate_x25519(worker_.random);
  blocks_ = transport::BlockSession::as_client(
      worker_.loop, std::move(channel), std::move(settings), std::move(key), connect_timeout,
      {.ready =
           [this, wanted] {
             if (session().version != wanted) {
               return lose({ErrorKind::version,
                            "the relay speaks SMP " + std::to_string(session().version.value()) + ", not " +
                                std::to_string(wanted.value()) + " as --smp-version says",
                            Advice::ask_user});
             }
             if (connected_) std::exchange(connected_, nullptr)({});
           },
       .block = [this](BytesView content) { receive(content); },
       .closed = [this](Error error) { lose(std::move(error)); },
       .drained =
           [this] {
             const auto handlers = handlers_;
             if (handlers->drained) handlers->drained();
           }});
}

// Unique in its session: it is the nonce of authenticators, too.
smp::CorrId Peer::next_corr_id() {
  Writer writer(smp::CorrId::size_bytes);
  writer.raw(id_prefix_).i64(static_cast<std::int64_t>(next_id_++));
  return *smp::CorrId::from(writer.view());
}

void Peer::send(const CommandKey* key, BytesView entity_id, const smp::ClientCommand& command, Answer answer) {
  const auto corr_id = next_corr_id();
  send(corr_id, make_transmission(params(), key, corr_id, entity_id, command), std::move(answer));
}

void Peer::send(const smp::CorrId& corr_id, BytesView transmission, Answer answer) {
  answers_.emplace(*counter_of(corr_id), std::move(answer));
  if (!batch_.fits(transmission.size())) flush();
  if (!batch_.add(transmission)) {
    return lose({ErrorKind::limit, "the command is too long for a block: a smaller --size is needed"});
  }
  if (batch_.count() >= batch_limit_) return flush();
  if (std::exchange(flush_posted_, true)) return;
  worker_.loop.post([this, alive = alive_] {
    if (!*alive) return;
    flush_posted_ = false;
    flush();
  });
}

void Peer::flush() {
  if (batch_.empty() || !blocks_) return;
  if (const auto sent = blocks_->send(batch_.take()); !sent) lose(sent.error());
}

void Peer::receive(BytesView content) {
  const auto transmissions = protocol::split_batch(content);
  if (!transmissions) return lose(transmissions.error());
  const auto alive = alive_;
  for (const auto& transmission : *transmissions) {
    const auto received = smp::decode_broker_transmission(params(), transmission);
    if (!received) return lose({ErrorKind::malformed, "the relay sent what is no message of SMP"});
    if (received->corr_id.empty()) {
      const auto handlers = handlers_;
      if (handlers->event) handlers->event(*received);
    } else {
      const auto counter = counter_of(received->corr_id);
      const auto waiting = counter ? answers_.find(*counter) : answers_.end();
      if (waiting == answers_.end()) return lose({ErrorKind::malformed, "the relay answered what was not asked"});
      auto answer = std::move(waiting->second);
      answers_.erase(waiting);
      answer(*received);
    }
    if (!*alive) return;
  }
}

void Peer::lose(Error error) {
  if (connected_) return std::exchange(connected_, nullptr)(std::unexpected(std::move(error)));
  const auto handlers = handlers_;
  if (handlers->lost) std::exchange(handlers->lost, nullptr)(std::move(error));
}

void Peer::close() {
  handlers_ = std::make_shared<Handlers>();
  connected_ = nullptr;
  attempt_.reset();
  if (blocks_) blocks_->close();
}

Error unexpected(std::string_view command, const smp::ReceivedMessage& answer) {
  const auto* error = std::get_if<smp::broker::Err>(&answer.message);
  return {ErrorKind::unsupported, "the relay answered " + std::string(command) + " with " +
                                      (error != nullptr ? "ERR " + smp::wire_text(error->error, smp::current_version)
                                                        : std::string(smp::name_of(answer.message)))};
}

}  // namespace simplex::bench
