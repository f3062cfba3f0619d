#include "handshake.hpp"

namespace simplex::agent {
namespace {

std::unexpected<Error> too_different() {
  return fail(
      ErrorKind::version,
      "This link was made by a program whose version has nothing in common with this one. Update the older of the "
      "two and make a new link.",
      Advice::ask_user);
}

// What authorizes a sender's commands. The key of a queue that its sender can secure is used only with relays that have
// session keys: an agreement with those, a third of a signature's cost, and nothing that a relay could show to others.
crypto::AuthPrivateKey sender_key_for(Random& random, std::optional<protocol::QueueMode> mode) {
  if (protocol::sender_can_secure(mode)) return crypto::generate_x25519(random).private_key;
  return crypto::generate_ed25519(random).private_key;
}

}  // namespace

std::optional<protocol::QueueMode> understood(std::optional<protocol::QueueMode> mode, const Versions& ours) {
  if (ours.smp_client.max < protocol::sender_key_client_version) return std::nullopt;
  return mode;
}

Result<Agreed> agree(const protocol::InvitationLink& link, const Versions& ours, bool pq) {
  if (link.data.queues.empty()) return fail(ErrorKind::malformed, "The link names no queue.", Advice::ask_user);
  const auto& queue = link.data.queues.front();
  const auto agent = link.data.agent_versions.common_max(ours.agent);
  const auto client = queue.versions.common_max(ours.smp_client);
  const auto e2e = link.e2e.versions.common_max(ours.e2e);
  if (!agent || !client || !e2e) return too_different();
  Agreed agreed{*agent, *client, *e2e, crypto::PqSupport::off, queue.address};
  if (pq) agreed.pq = pq_support_of(*agent, *e2e);
  agreed.queue.mode = understood(agreed.queue.mode, ours);
  if (link.data.queues.size() > 1) {
    const auto& other = link.data.queues[1];
    const auto version = other.versions.common_max(ours.smp_client);
    if (version) agreed.second = usable_second(agreed.queue, {*version, other.address}, ours);
  }
  return agreed;
}

std::optional<protocol::QueueInfo> usable_second(const protocol::QueueAddress& first, const protocol::QueueInfo& second,
                                                 const Versions& ours) {
  auto usable = second;
  usable.address.mode = understood(second.address.mode, ours);
  const bool can_be_secured = protocol::sender_can_secure(understood(first.mode, ours)) &&
                              protocol::sender_can_secure(usable.address.mode) &&
                              ours.smp_client.contains(second.version);
  if (!can_be_secured || protocol::same_queue(first, second.address)) return std::nullopt;
  return usable;
}

Result<SndQueue> make_snd_queue(Random& random, ConnKey conn, const protocol::QueueAddress& address,
                                SmpClientVersion version) {
  const auto dh = crypto::generate_x25519(random);
  SIMPLEX_ASSIGN(auto e2e_key, crypto::box_key(address.dh_key, dh.private_key));
  SndQueue queue;
  queue.conn = conn;
  queue.server = address.server;
  queue.sender_id = address.sender_id;
  queue.sender_key = sender_key_for(random, address.mode);
  queue.dh_public = dh.public_key;
  queue.e2e_key = std::move(e2e_key);
  queue.mode = address.mode;
  queue.client_version = version;
  return queue;
}

Result<SendingRatchet> make_sending_ratchet(Random& random, const protocol::InvitationLink& link, const Agreed& agreed,
                                            E2eVersion max_supported) {
  const auto theirs = crypto::with_version(link.e2e, agreed.e2e);
  auto ours = crypto::generate_sender_params(random, agreed.e2e,
                                             crypto::kem_reply(agreed.e2e, theirs.proposed_kem(), agreed.pq));
  SIMPLEX_ASSIGN(auto params, crypto::x3dh_sender(ours.keys, theirs));
  SIMPLEX_ASSIGN(auto state, crypto::RatchetState::init_sending({agreed.e2e, max_supported}, theirs.key2,
                                                                crypto::generate_x448(random), std::move(params)));
  return SendingRatchet{std::move(state), ours.params};
}

protocol::InvitationLink make_link(const RcvQueue& queue, const crypto::X3dhReceiverKeys& keys,
                                   const Versions& versions, const RcvQueue* second) {
  protocol::InvitationLink link{
      .data = {.site = std::nullopt,
               .agent_versions = versions.agent,
               .queues = {{.versions = versions.smp_client, .address = queue.address()}},
               .client_data = std::nullopt},
      .e2e = crypto::with_versions(crypto::public_params(keys, versions.e2e.max), versions.e2e)};
  if (second != nullptr) link.data.queues.push_back({.versions = versions.smp_client, .address = second->address()});
  return link;
}

protocol::ContactLink make_address(const RcvQueue& queue, const Versions& versions) {
  return {.data = {.site = std::nullopt,
                   .agent_versions = versions.agent,
                   .queues = {{.versions = versions.smp_client, .address = queue.address()}},
                   .client_data = std::nullopt}};
}

Result<AddressRequest> agree(const protocol::ContactLink& link, const Versions& ours, BytesView info) {
  if (link.data.queues.empty()) return fail(ErrorKind::malformed, "The link names no queue.", Advice::ask_user);
  const auto& queue = link.data.queues.front();
  const auto agent = link.data.agent_versions.common_max(ours.agent);
  const auto client = queue.versions.common_max(ours.smp_client);
  if (!agent || !client) return too_different();
  return AddressRequest{queue.address, *agent, *client, to_bytes(info)};
}

Bytes encode(const AddressRequest& request) {
  Writer writer;
  protocol::write_queue_info(writer, {request.client, request.queue});
  writer.u16(request.agent.value()).raw(request.info);
  return std::move(writer).take();
}

Result<AddressRequest> read_address_request(BytesView stored) {
  Reader reader(stored);
  SIMPLEX_ASSIGN(auto queue, protocol::read_queue_info(reader));
  SIMPLEX_ASSIGN(const auto agent, reader.u16());
  return AddressRequest{std::move(queue.address), AgentVersion(agent), queue.version, to_bytes(reader.tail())};
}

}  // namespace simplex::agent
