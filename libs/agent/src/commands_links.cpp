// Commands of short links: what is made, read, changed and deleted of them at relays.
#include "commands.hpp"
#include "link_request.hpp"

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
    SIMPLEX_ASSIGN(const auto second, core_.queues.rcv_queue_of(connection.key, QueuePurpose::second));
    request = make_link(queue, keys, versions, second ? &*second : nullptr);
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

// ---- joining --------------------------------------------------------------------------------------------------------

Bytes Commands::join_link_argument(const protocol::ShortLink& link, bool pq, BytesView own_info) {
  Writer argument;
  argument.boolean(pq).large_string(as_bytes(protocol::format(link))).raw(own_info);
  return std::move(argument).take();
}

Result<Commands::JoinLink> Commands::read_join_link(BytesView argument) {
  Reader reader(argument);
  SIMPLEX_ASSIGN(const bool pq, reader.boolean());
  SIMPLEX_ASSIGN(const auto text, reader.large_string());
  SIMPLEX_ASSIGN(auto link, protocol::parse_short_link(as_text(text)));
  return JoinLink{pq, std::move(link), to_bytes(reader.tail())};
}

Result<> Commands::join_link(const Command& command, const Connection& connection) {
  SIMPLEX_ASSIGN(auto asked, read_join_link(command.argument));
  auto& link = asked.link;
  SIMPLEX_ASSIGN(auto request, link_request_key(core_, link));
  if (request.is_new) {  // the relay is asked when it is on the disk
    core_.turn.after_commit([this, key = command.key] { retry_now(key); });
    return {};
  }
  const auto way = way_for(command, connection, link.server);
  if (!way) return {};
  const auto server = link.server;
  const auto id = protocol::keys_of(link).id;
  std::optional<crypto::AuthPrivateKey> key;
  if (request.key) key = crypto::AuthPrivateKey(request.key->clone());
  smp::client::Done<smp::broker::Lnk> done =
      [this, command, asked = std::move(asked),
       sender_key = std::move(request.key)](smp::client::Outcome<smp::broker::Lnk> answer) mutable {
        answered(command.key, answer ? nullptr : &answer.error(), [&]() -> Result<> {
          SIMPLEX_ASSIGN(const auto contents, open_answer(asked.link, *answer));
          return join_by(command, contents, asked.pq, asked.own_info, std::move(sender_key));
        });
      };
  if (key) {
    routes_.secure_and_get_link(*way, server, id, *key, std::move(done));
  } else {
    routes_.get_link(*way, server, id, std::move(done));
  }
  return {};
}

Result<> Commands::join_by(const Command& command, const protocol::LinkContents& contents, bool pq, BytesView own_info,
                           std::optional<crypto::Ed25519PrivateKey> sender_key) {
  SIMPLEX_ASSIGN(auto connection, core_.connections.by_key(command.conn));
  SIMPLEX_TRY(core_.commands.erase(command.key));
  if (const auto* invitation = std::get_if<protocol::InvitationLink>(&contents.fixed.request)) {
    SIMPLEX_ASSIGN(const auto agreed, agree(*invitation, core_.config.versions, pq));
    SIMPLEX_TRY(core_.connections.set_agreed(connection.key, agreed.agent, agreed.pq));
    return begin_join(connection.key, *invitation, agreed, own_info, std::move(sender_key));
  }
  const auto* contact = std::get_if<protocol::ContactUserData>(&contents.user.data);
  if (contact == nullptr || !contact->direct) {
    return fail(ErrorKind::version, "The link leads to a channel or group that this program cannot join.",
                Advice::ask_user);
  }
  const auto& address = std::get<protocol::ContactLink>(contents.fixed.request);
  SIMPLEX_ASSIGN(const auto request, agree(address, core_.config.versions, own_info));
  return enqueue(connection.key, CommandKind::request, pick_server(connection.user, &request.queue.server),
                 encode(request));
}

Result<> Commands::begin_join(ConnKey conn, const protocol::InvitationLink& link, const Agreed& agreed,
                              BytesView own_info, std::optional<crypto::Ed25519PrivateKey> sender_key) {
  auto& random = core_.dependencies.random;
  SIMPLEX_ASSIGN(const auto ratchet, make_sending_ratchet(random, link, agreed, core_.config.versions.e2e.max));
  SIMPLEX_TRY(core_.ratchets.insert_sending(conn, ratchet.state, ratchet.params));
  SIMPLEX_ASSIGN(auto queue, make_snd_queue(random, conn, agreed.queue, agreed.client));
  if (sender_key) {  // reading the link has secured the queue with it
    queue.sender_key = std::move(*sender_key);
    if (protocol::sender_can_secure(queue.mode)) queue.status = QueueStatus::secured;
  }
  SIMPLEX_TRY(core_.queues.insert(queue));
  if (agreed.second) SIMPLEX_TRY(add_second(conn, *agreed.second));
  // Another relay than the inviter's, so that no relay sees both directions.
  SIMPLEX_ASSIGN(const auto connection, core_.connections.by_key(conn));
  return enqueue(conn, CommandKind::join, pick_server(connection.user, &agreed.queue.server), to_bytes(own_info));
}

// ---- our links ------------------------------------------------------------------------------------------------------

namespace {

std::unexpected<Error> no_link() {
  return fail(ErrorKind::not_found, "The connection has no short link.", Advice::give_up);
}

}  // namespace

Result<> Commands::set_link(const Command& command, const Connection& connection) {
  SIMPLEX_ASSIGN(const auto link, core_.links.find(connection.key));
  SIMPLEX_ASSIGN(const auto queue, core_.queues.rcv_queue_of(connection.key));
  if (!link || !queue) return no_link();
  auto* client = client_for(command, connection, queue->server);
  if (client == nullptr) return {};
  const auto user = user_data_of(connection.role, core_.config.versions.agent, command.argument);
  SIMPLEX_ASSIGN(const auto sealed, protocol::make_user_data(core_.dependencies.random, link->credentials, user));
  client->set_link(queue->recipient_id, queue->recipient_key, link->credentials.id,
                   {Content(link->credentials.sealed_fixed), Content(sealed)},
                   [this, key = command.key, id = connection.id](smp::client::Outcome<> outcome) {
                     answered(key, outcome ? nullptr : &outcome.error(), [&]() -> Result<> {
                       SIMPLEX_TRY(core_.outbox.durable(LinkDataSet{id}));
                       return core_.commands.erase(key);
                     });
                   });
  return {};
}

Result<> Commands::delete_link(const Command& command, const Connection& connection) {
  SIMPLEX_ASSIGN(const auto queue, core_.queues.rcv_queue_of(connection.key));
  if (!queue) return no_link();
  auto* client = client_for(command, connection, queue->server);
  if (client == nullptr) return {};
  client->delete_link(queue->recipient_id, queue->recipient_key,
                      [this, command, id = connection.id](smp::client::Outcome<> outcome) {
                        answered(command.key, outcome ? nullptr : &outcome.error(), [&]() -> Result<> {
                          SIMPLEX_TRY(core_.links.erase(command.conn));
                          SIMPLEX_TRY(core_.outbox.durable(LinkDeleted{id}));
                          return core_.commands.erase(command.key);
                        });
                      });
  return {};
}

}  // namespace simplex::agent
