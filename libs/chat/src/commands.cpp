#include <algorithm>

#include "simplex/encoding/utf8.hpp"
#include "session.hpp"

namespace simplex::chat {

namespace {

// A relay that cannot be reached keeps the user waiting for so long; the work goes on after that.
constexpr auto answer_patience = std::chrono::seconds(15);
constexpr auto retry_delay = std::chrono::seconds(5);
constexpr std::size_t shared_id_size = 12;

// "bob" for "Bob Builder": what a person types who forgets the quotes or the capital.
bool begins_like(std::string_view name, std::string_view typed) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return typed.size() <= name.size() &&
         std::equal(typed.begin(), typed.end(), name.begin(), [small](char a, char b) { return small(a) == small(b); });
}

// Contacts take what a profile does not mention as allowed: they would believe that their disappearing messages disappear
// here too, and offer calls and files.
constexpr std::string_view own_preferences =
    R"({"calls":{"allow":"no"},"files":{"allow":"no"},"reactions":{"allow":"no"},"timedMessages":{"allow":"no"},)"
    R"("voice":{"allow":"no"}})";

}  // namespace

void ChatSession::execute(Command command, AnswerHandler answer) {
  struct Visitor {
    ChatSession& chat;
    AnswerHandler& answer;
    void operator()(command::CreateInvitation c) const { chat.run(c, std::move(answer)); }
    void operator()(const command::Connect& c) const { chat.run(c, std::move(answer)); }
    void operator()(const command::SendMessage& c) const { chat.answer_later(std::move(answer), chat.run(c)); }
    void operator()(const command::ShowHistory& c) const { chat.answer_later(std::move(answer), chat.run(c)); }
    void operator()(const command::DeleteContact& c) const { chat.answer_later(std::move(answer), chat.run(c)); }
    void operator()(command::ListContacts) const {
      auto contacts = chat.store_.contacts(chat.user_->id);
      if (!contacts) return chat.answer_later(std::move(answer), std::unexpected(std::move(contacts).error()));
      chat.answer_later(std::move(answer), Answer(answer::Contacts{std::move(*contacts)}));
    }
    void operator()(command::ShowUser) const {
      const Profile& profile = chat.user_->profile;
      chat.answer_later(std::move(answer), Answer(answer::User{profile.display_name, profile.full_name}));
    }
    void operator()(command::Help) const { chat.answer_later(std::move(answer), Answer(answer::Help{})); }
    void operator()(command::ShowVersion) const { chat.answer_later(std::move(answer), Answer(answer::Version{})); }
    void operator()(command::Quit) const { chat.answer_later(std::move(answer), Answer(answer::Quit{})); }
  };
  std::visit(Visitor{*this, answer}, command);
}

void ChatSession::answer_later(AnswerHandler answer, Result<Answer> value) {
  loop_.post([alive = std::weak_ptr<bool>(alive_), answer = std::move(answer), value = std::move(value)]() mutable {
    if (!alive.expired()) answer(std::move(value));
  });
}

void ChatSession::wait_for(const agent::ConnectionId& connection, AnswerHandler answer) {
  auto patience = loop_.after(answer_patience, [this, connection] {
    if (auto waiting = taken_answer(connection)) (*waiting)(Answer(answer::StillConnecting{}));
  });
  waiting_answers_.insert_or_assign(connection, WaitingAnswer{std::move(answer), std::move(patience)});
}

std::optional<AnswerHandler> ChatSession::taken_answer(const agent::ConnectionId& connection) {
  const auto found = waiting_answers_.find(connection);
  if (found == waiting_answers_.end()) return std::nullopt;
  AnswerHandler answer = std::move(found->second.answer);
  waiting_answers_.erase(found);
  return answer;
}

Result<agent::ConnectionId> ChatSession::begin_connection(bool initiated) {
  if (!has_relays_)
    return fail(ErrorKind::not_found,
                "No relay is known yet. Start once with -s smp://FINGERPRINT@HOST: it is remembered.",
                Advice::ask_user);
  const auto id = agent::new_connection_id(random_);
  SIMPLEX_TRY(store_.transaction([&] { return store_.add_connection(user_->id, id, initiated, post_quantum_); }));
  return id;
}

void ChatSession::run(command::CreateInvitation, AnswerHandler answer) {
  const auto id = begin_connection(true);
  if (!id) return answer_later(std::move(answer), std::unexpected(id.error()));
  auto created = agent_->create_connection(user_->agent_user, post_quantum_, *id);
  auto flushed = created ? agent_->flush() : Result<>(std::unexpected(created.error()));
  if (!flushed) {
    (void)store_.transaction([&] { return store_.delete_connection(*id); });
    return answer_later(std::move(answer), std::unexpected(std::move(flushed).error()));
  }
  wait_for(*id, std::move(answer));
}

void ChatSession::run(const command::Connect& connect, AnswerHandler answer) {
  const auto id = begin_connection(false);
  if (!id) return answer_later(std::move(answer), std::unexpected(id.error()));
  auto joined = agent_->join_connection(user_->agent_user, connect.link, own_info(post_quantum_), post_quantum_, *id);
  auto flushed = joined ? agent_->flush() : Result<>(std::unexpected(joined.error()));
  if (!flushed) {
    (void)store_.transaction([&] { return store_.delete_connection(*id); });
    return answer_later(std::move(answer), std::unexpected(std::move(flushed).error()));
  }
  wait_for(*id, std::move(answer));
}

Result<Contact> ChatSession::named_contact(std::string_view name) {
  SIMPLEX_ASSIGN(auto contact, store_.contact_named(user_->id, name));
  if (contact) return std::move(*contact);
  std::string message = "No contact is named " + std::string(name) + ". ";
  SIMPLEX_ASSIGN(const auto contacts, store_.contacts(user_->id));
  const auto similar =
      std::find_if(contacts.begin(), contacts.end(), [name](const Contact& c) { return begins_like(c.name, name); });
  message += similar == contacts.end() ? "/contacts lists them." : "Is it @" + quoted_name(similar->name) + "?";
  return fail(ErrorKind::not_found, std::move(message), Advice::ask_user);
}

SharedMessageId ChatSession::new_shared_id() { return SharedMessageId(random_.bytes(shared_id_size)); }

std::string ChatSession::outgoing_text(Event event, const SharedMessageId& id) const {
  return encode_chat_message(ChatMessage{supported_chat_versions, id, std::move(event)});
}

Bytes ChatSession::own_info(bool post_quantum) const {
  Profile profile = user_->profile;
  if (!profile.preferences) profile.preferences = own_preferences;
  const ChatMessage message{supported_chat_versions, std::nullopt, event::Info{std::move(profile)}};
  // A profile is made by create_user from two short names: it always fits.
  return encode_body(encode_chat_message(message), BodyKind::connection_info, post_quantum).value();
}

Result<Answer> ChatSession::run(const command::SendMessage& send) {
  if (!is_utf8(send.text))
    return fail(ErrorKind::malformed, "The text is not UTF-8. Set the terminal, or the file it comes from, to UTF-8.",
                Advice::ask_user);
  SIMPLEX_ASSIGN(const auto contact, named_contact(send.contact));
  SIMPLEX_ASSIGN(const auto connection, store_.connection_of(contact.id));
  if (contact.state == ContactState::deleted_by_peer || !connection)
    return fail(ErrorKind::conflict, contact.name + " has deleted this conversation: messages cannot be sent.");
  if (contact.state == ContactState::connecting)
    return fail(ErrorKind::conflict, contact.name + " is not connected yet. Wait for \"contact is connected\".",
                Advice::retry);
  ChatStore::NewItem item{.contact = contact.id, .text = send.text, .time = loop_.wall()};
  item.shared_id = new_shared_id();
  item.message = outgoing_text(event::MessageNew{text_content(send.text)}, *item.shared_id);
  SIMPLEX_TRY(encode_body(item.message, BodyKind::message, connection->post_quantum));
  item.send_key = agent::SendKey::from(random_.bytes(agent::SendKey::size_bytes));
  SIMPLEX_ASSIGN(auto stored, store_.transaction([&] { return store_.add_item(item); }));
  hand_over(ChatStore::Outgoing::not_handed_over);
  return Answer(answer::MessageAccepted{std::move(stored)});
}

void ChatSession::hand_over(ChatStore::Outgoing which) {
  auto items = store_.outgoing_items(which);
  Result<> handed = items ? Result<>{} : Result<>(std::unexpected(items.error()));
  if (items) {
    for (const auto& item : *items) {
      handed = hand_over_one(item);
      if (!handed) break;
    }
  }
  if (handed) return;
  tell(happening::Problem{"Messages are kept and will be sent later: " + handed.error().message});
  retry_hand_over_ = loop_.after(retry_delay, [this] { hand_over(ChatStore::Outgoing::all); });
}

// An error means that this item and those behind it are to be tried again.
Result<> ChatSession::hand_over_one(const OutgoingItem& item) {
  const auto body = encode_body(item.message, BodyKind::message, item.post_quantum);
  auto message = body ? agent_->send_message(item.connection, *body, item.key)
                      : Result<agent::MessageId>(std::unexpected(body.error()));
  if (message) return store_.transaction([&] { return store_.set_item_sent_as(item.id, *message); });
  if (message.error().kind == ErrorKind::storage) return std::unexpected(std::move(message).error());
  tell(happening::Problem{"A message was not sent: " + message.error().message});
  return store_.transaction([&] { return store_.set_item_status(item.id, ItemStatus::failed); });
}

Result<Answer> ChatSession::run(const command::ShowHistory& show) {
  std::optional<ContactId> contact;
  if (!show.contact.empty()) {
    SIMPLEX_ASSIGN(const auto found, named_contact(show.contact));
    contact = found.id;
  }
  SIMPLEX_ASSIGN(auto items, store_.history(user_->id, contact, show.count));
  return Answer(answer::History{std::move(items)});
}

// The peer is told first; the connection is deleted when the relay has that message, or never will.
Result<Answer> ChatSession::run(const command::DeleteContact& remove) {
  SIMPLEX_ASSIGN(const auto contact, named_contact(remove.contact));
  SIMPLEX_ASSIGN(const auto connection, store_.connection_of(contact.id));
  SIMPLEX_TRY(store_.transaction([&]() -> Result<> {
    if (connection) {
      SIMPLEX_TRY(store_.set_closing(connection->id, ChatStore::not_told));
    }
    return store_.delete_contact(contact.id);
  }));
  if (!connection) return Answer(answer::ContactDeleted{contact.name});
  SIMPLEX_TRY(say_goodbye(connection->id));
  return Answer(answer::ContactDeleted{contact.name});
}

Result<> ChatSession::say_goodbye(const agent::ConnectionId& connection) {
  const std::string text = outgoing_text(event::DirectDeleted{}, new_shared_id());
  const auto notice = agent_->send_message(connection, as_bytes(text));
  if (!notice) {
    if (notice.error().kind == ErrorKind::storage) return std::unexpected(notice.error());
    SIMPLEX_TRY(agent_->delete_connection(connection));
    SIMPLEX_TRY(agent_->flush());
    if (notice.error().kind != ErrorKind::not_found) return {};  // ConnectionDeleted follows
    return store_.transaction([&] { return store_.delete_connection(connection); });
  }
  // Killed from here on, the notice is sent a second time.
  SIMPLEX_TRY(agent_->flush());
  return store_.transaction([&] { return store_.set_closing(connection, *notice); });
}

void ChatSession::resume_goodbyes() {
  const auto connections = store_.connections_not_told();
  auto done = connections ? Result<>{} : Result<>(std::unexpected(connections.error()));
  for (std::size_t i = 0; done && i < connections->size(); ++i) done = say_goodbye((*connections)[i]);
  if (!done) tell(happening::Problem{"A deleted contact could not be told: " + done.error().message});
}

}  // namespace simplex::chat
