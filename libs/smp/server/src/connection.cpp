#include "connection.hpp"

#include "simplex/encoding/base64.hpp"

namespace simplex::smp::server {
namespace {

// A connection that has read all may get this much more, however full the relay is: a block with its TLS records.
constexpr std::size_t max_answer = 2 * 16'640;

}  // namespace

Connection::Connection(Node& node, std::uint64_t number, transport::ChannelPtr channel)
    : node_(node), number_(number), since_(node.loop_.now()), last_activity_(node.loop_.now()) {
  transport::ServerHandshakeSettings settings;
  settings.versions = node.settings_.versions;
  settings.service = [this](transport::SmpServiceRole role, const transport::CertificateChain& chain,
                            const transport::KeyHash& fingerprint) { return enter(role, chain, fingerprint); };
  // After a reload others may be in force than the ones that this client was shown.
  const auto shown = channel->info().shown;
  const auto& credentials = shown ? *shown : node.credentials();
  session_ = transport::BlockSession::as_server(node.loop_, std::move(channel), credentials, std::move(settings),
                                                node.random_, node.settings_.limits.handshake_timeout,
                                                {.ready = [this] { ready(); },
                                                 .block = [this](BytesView content) { received(content); },
                                                 .closed =
                                                     [this](const Error& error) {
                                                       if (!client_ && error.kind == ErrorKind::timeout) {
                                                         ++node_.counters_.timed_out_handshakes;
                                                       }
                                                       node_.closed(*this);
                                                     },
                                                 .drained = [this] { drained(); },
                                                 .unreadable = [this] { unreadable(); }});
}

Connection::~Connection() { node_.load_.pending -= counted_; }

// The role has the same letters in the handshake and in the store.
Result<transport::ServiceId, transport::TransportError> Connection::enter(transport::SmpServiceRole role,
                                                                          const transport::CertificateChain& chain,
                                                                          const transport::KeyHash& fingerprint) {
  const auto kept = role == transport::SmpServiceRole::messaging  ? ServiceRole::messaging
                    : role == transport::SmpServiceRole::notifier ? ServiceRole::notifier
                                                                  : ServiceRole::proxy;
  const auto today = date_of(seconds_since_epoch(node_.loop_.wall()));
  service_ = node_.settings_.engine.services->enter(kept, chain, fingerprint.view(), today, node_.random_);
  if (!service_) return std::unexpected(transport::TransportError::handshake_bad_service);
  return transport::ServiceId(service_->id.view());
}

void Connection::ready() {
  const auto& session = session_->session();
  auto agreed = std::make_shared<ClientSession>();
  agreed->version = session.version;
  agreed->session_id = to_bytes(session.session_id.view());
  if (session.own_key) agreed->key = session.own_key->clone();
  if (session.secret) agreed->proxy_key = crypto::box_key(*session.secret);
  if (session.service) {
    agreed->service =
        std::make_shared<const ServiceSession>(ServiceSession{std::exchange(service_, nullptr), session.service->key});
  }
  agreed_ = std::move(agreed);
  client_ = node_.shard_.connect(agreed_);
  node_.by_client_[*client_] = this;
  node_.handshaking_.erase(number_);
  ++node_.counters_.connections;
  last_activity_ = node_.loop_.now();
}

void Connection::received(BytesView content) {
  last_activity_ = node_.loop_.now();
  ++node_.counters_.blocks_in;
  node_.turn([&] {
    node_.shard_.receive(*client_, content);
    // Commands that wait for a store or another relay have no answer in this turn, and may be too many.
    node_.touched_.push_back(number_);
  });
}

void Connection::unreadable() {
  ++node_.counters_.blocks_in;
  node_.turn([&] { node_.shard_.receive_unreadable(*client_); });
}

std::string Connection::session_name() const { return base64url(agreed_->session_id); }

void Connection::drained() {
  stuck_since_.reset();
  count_pending();
  if (!client_) return;  // that was the handshake
  // Through the turn's end, which also drops a connection that failed.
  node_.turn([&] { node_.touched_.push_back(number_); });
}

bool Connection::has_room() const {
  return session_->pending() < (node_.crowded() ? 1 : node_.settings_.limits.pending);
}

void Connection::count_pending() {
  const auto pending = session_->pending() + link_octets_;
  node_.load_.pending += pending - counted_;  // wraps around when it is less, and so does the sum
  counted_ = pending;
}

namespace {

// Data of links, which may be large, and which nobody else has when the store keeps it. Other answers are small.
std::size_t octets_of(const Answer& answer) {
  const auto* link = std::get_if<broker::Lnk>(&answer.message);
  return link == nullptr ? 0 : link->data.fixed.bytes.size() + link->data.user.bytes.size();
}

}  // namespace

void Connection::enqueue(std::variant<Answer, Delivery> what) {
  auto* answer = std::get_if<Answer>(&what);
  if (answer != nullptr) link_octets_ += octets_of(*answer);
  // END and DELD do not overtake the messages that came before them.
  if (answer != nullptr && !answer->corr_id.empty()) {
    answers_.push_back(std::move(*answer));
  } else {
    held_.push_back(std::move(what));
  }
}

bool Connection::send(protocol::Batch& batch) {
  if (batch.empty()) return true;
  ++node_.counters_.blocks_out;
  return session_->send_in_place(batch.take()).has_value();
}

// Answers first, so that clients do not wait for them behind messages, of which each fills a block. A message shares the
// block of up to four answers.
bool Connection::flush() {
  if (session_->pending() < left_pending_) stuck_since_.reset();
  protocol::Batch batch(session_->room());
  std::size_t sent = 0;
  while (!answers_.empty() && has_room()) {
    const auto answer = encode_answer(agreed_->params(), answers_.front());
    link_octets_ -= octets_of(answers_.front());
    answers_.pop_front();
    if (!batch.fits(answer.size()) && !send(batch)) return false;
    if (!batch.add(answer)) return false;
    ++sent;
  }
  bool shares_block = sent > 0 && sent <= 4;
  while (answers_.empty() && !held_.empty() && has_room()) {
    const auto what = std::move(held_.front());
    held_.pop_front();
    if (const auto* event = std::get_if<Answer>(&what)) {
      link_octets_ -= octets_of(*event);
      const auto encoded = encode_answer(agreed_->params(), *event);
      if (!batch.fits(encoded.size()) && !send(batch)) return false;
      if (!batch.add(encoded)) return false;
      shares_block = false;
      continue;
    }
    const auto& delivery = std::get<Delivery>(what);
    if (!(shares_block && batch.fits(size_of_delivery(agreed_->params(), delivery))) && !send(batch)) return false;
    shares_block = false;
    if (!add_delivery(batch, agreed_->params(), delivery) || !send(batch)) return false;
  }
  if (!send(batch)) return false;
  if (sent > 0) last_activity_ = node_.loop_.now();
  regulate_reading();
  left_pending_ = session_->pending();
  if (answers_.empty() && held_.empty()) node_.shard_.caught_up(*client_);
  count_pending();
  const auto& limits = node_.settings_.limits;
  const auto allowed = node_.crowded() ? std::max(limits.pending, max_answer) : limits.max_pending;
  // Data of links that waits is no reason: whoever reads it may ask for much at once. It counts for the relay being
  // crowded, and who does not read then goes.
  return left_pending_ <= allowed;
}

void Connection::rested() {
  rest_timer_.cancel();
  regulate_reading();
}

void Connection::regulate_reading() {
  if (session_->pending() > 0 && !stuck_since_) stuck_since_ = node_.loop_.now();
  if (const auto rest = node_.shard_.take_rest(*client_)) {
    rest_timer_ = node_.loop_.after(*rest, [this] { rested(); });
  }
  const auto& limits = node_.settings_.limits;
  const bool has_all_room = has_room() && link_octets_ < limits.pending;
  const bool unanswered = node_.shard_.unanswered(*client_) >= limits.unanswered;
  const bool proxied = node_.shard_.proxied(*client_) >= limits.proxied;
  const bool may_read = has_all_room && !rest_timer_.armed() && !unanswered && !proxied;
  if (may_read == reading_ || node_.stopping_) return;
  reading_ = may_read;
  if (may_read) {
    session_->resume_reading();
    return;
  }
  session_->pause_reading();
  auto& counted = node_.counters_;
  if (unanswered) {
    ++counted.paused_unanswered;
  } else if (proxied) {
    ++counted.paused_proxied;
  } else if (!rest_timer_.armed()) {
    ++counted.paused_pending;
  }
}

}  // namespace simplex::smp::server
