// Commands of short links: what is made, read, changed and deleted of them at relays.
#include "commands.hpp"

namespace simplex::agent {
namespace {

constexpr std::uint8_t with_short_link = 1;

protocol::UserLinkData user_data_of(Role role, AgentVersionRange versions, BytesView content) {
  if (role == Role::address) return {versions, protocol::ContactUserData{true, {}, {}, to_bytes(content)}};
  return {versions, protocol::InvitationUserData{to_bytes(content)}};
}

}  // namespace

// ---- a queue with a link --------------------------------------------------------------------------------------------

Bytes Commands::create_argument(std::optional<BytesView> link_data) {
  Writer argument;
  if (link_data) argument.u8(with_short_link).raw(*link_data);
  return std::move(argument).take();
}

bool Commands::makes_link(const Command& command, const smp::client::Client& client) const {
  return command.kind == CommandKind::create && !command.argument.empty() &&
         client.session().version >= smp::short_links_version &&
         core_.config.versions.smp_client.max >= protocol::short_links_client_version;
}

// The relay derives the queue's sender id from the correlation id, as we do here: the queue's address can stand in the
// data that is stored with it. Drawn for each attempt, like the queue's keys: a relay refuses the same ids again, and the
// application does not know the link before the relay has it.
Result<Commands::NewLink> Commands::new_link(const Command& command, const Connection& connection, RcvQueue& queue) {
  auto& random = core_.dependencies.random;
  const auto& versions = core_.config.versions;
  const bool address = connection.role == Role::address;
  NewLink link;
  link.corr_id = protocol::CorrId::generate(random);
  queue.sender_id = protocol::sender_id_of(link.corr_id);
  queue.mode = address ? protocol::QueueMode::contact : protocol::QueueMode::messaging;
  protocol::FullLink request = make_address(queue, versions);
  if (!address) {
    SIMPLEX_ASSIGN(const auto keys, core_.ratchets.x3dh_keys(connection.key));
    request = make_link(queue, keys, versions);
  }
  auto root = crypto::generate_ed25519(random);
  const protocol::FixedLinkData fixed{versions.agent, root.public_key, std::move(request), {}};
  SIMPLEX_ASSIGN(link.credentials, protocol::make_link(random, fixed, std::move(root.private_key)));
  const auto user = user_data_of(connection.role, versions.agent, BytesView(command.argument).subspan(1));
  SIMPLEX_ASSIGN(link.sealed_user, protocol::make_user_data(random, link.credentials, user));
  return link;
}

smp::command::New::Mode Commands::mode_of(const NewLink& link, const RcvQueue& queue) {
  const smp::QueueLinkData data{Content(link.credentials.sealed_fixed), Content(link.sealed_user)};
  if (queue.mode == protocol::QueueMode::contact) {
    return smp::command::New::Contact{smp::command::New::ContactLink{link.credentials.id, queue.sender_id, data}};
  }
  return smp::command::New::Messaging{smp::command::New::MessagingLink{queue.sender_id, data}};
}

Result<> Commands::keep_link(NewLink& link, const RcvQueue& queue, const smp::broker::Ids& ids) {
  const bool address = queue.mode == protocol::QueueMode::contact;
  const bool as_asked = ids.sender_id == queue.sender_id && ids.mode == queue.mode && ids.link_id &&
                        (!address || *ids.link_id == link.credentials.id);
  if (!as_asked) {
    return fail(ErrorKind::malformed, "Your relay made another queue than it was asked for: use another relay.",
                Advice::ask_user);
  }
  link.credentials.id = *ids.link_id;
  const auto text = address ? protocol::contact_link_of(link.credentials, queue.server)
                            : protocol::invitation_link_of(link.credentials, queue.server);
  return core_.links.insert(queue.conn, link.credentials, protocol::format(text));
}

}  // namespace simplex::agent
