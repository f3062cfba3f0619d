#include <algorithm>

#include "json.hpp"
#include "session.hpp"

namespace simplex::chat {

namespace {

constexpr auto retry_delay = std::chrono::seconds(5);

// What is shown of content that is more than text.
std::string shown_text(const MessageContent& content, const std::string& rest) {
  std::string label;
  if (const auto parsed = json::parse(rest); parsed && parsed->is_object()) {
    if (const auto* file = parsed->get_object().if_contains("file"); file != nullptr && file->is_object())
      label = "[file " + json::required_text(file->get_object(), "fileName").value_or("") + "]";
  }
  if (label.empty() && content.type != "text" && content.type != "link") label = "[" + content.type + "]";
  if (label.empty()) return content.text;
  return content.text.empty() ? label : label + ' ' + content.text;
}

// Of x.msg.update; its params are an object with an object "content".
std::string edited_text(const std::string& params) {
  const auto parsed = json::parse(params);
  if (!parsed || !parsed->is_object()) return {};
  const auto content = json::required_object(parsed->get_object(), "content");
  return content ? json::required_text(**content, "text").value_or("") : std::string();
}

// From the first to the last: a peer's numbers, so that even their difference may not fit.
std::string count_of_messages(std::int64_t first, std::int64_t last) {
  if (first == last) return "1 message is missing here";
  const auto more = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first);
  return std::to_string(more + 1) + " messages are missing here";
}

// Empty: nothing to say.
std::string notice_of(const agent::Integrity& integrity) {
  if (const auto* skipped = std::get_if<agent::IntegritySkipped>(&integrity))
    return count_of_messages(skipped->from.value(), skipped->to.value());
  if (std::holds_alternative<agent::IntegrityBadId>(integrity) ||
      std::holds_alternative<agent::IntegrityDuplicate>(integrity))
    return "the number of the next message was used before";
  if (std::holds_alternative<agent::IntegrityBadHash>(integrity))
    return "the message before the next one is not the one that was received here";
  return {};
}

}  // namespace

void ChatSession::on_event(const agent::Event& event) {
  waiting_events_.push_back(event);
  if (waiting_events_.size() == 1) store_waiting_events();
}

// In order; when the disk does not take one, it and those behind it wait.
void ChatSession::store_waiting_events() {
  while (!waiting_events_.empty()) {
    if (auto stored = store_event(waiting_events_.front()); !stored) {
      tell(happening::Problem{"Cannot store what was received, trying again: " + stored.error().message});
      retry_events_ = loop_.after(retry_delay, [this] { store_waiting_events(); });
      return;
    }
    waiting_events_.pop_front();
  }
}

Result<> ChatSession::store_event(const agent::Event& event) {
  if (event.id && *event.id <= last_event_) {
    finish(event);
    return {};
  }
  Aftermath after;
  SIMPLEX_TRY(store_.transaction([&]() -> Result<> {
    SIMPLEX_TRY(apply(event.body, after));
    return event.id ? store_.set_last_event(*event.id) : Result<>{};
  }));
  if (event.id) last_event_ = *event.id;
  finish(event);
  for (const auto& connection : after.to_delete) (void)agent_->delete_connection(connection);
  for (const auto& happening : after.happenings) tell(happening);

  if (const auto* ready = std::get_if<agent::InvitationReady>(&event.body))
    tell_or_answer(ready->connection, answer::Invitation{ready->link}, happening::InvitationReady{ready->link});
  if (const auto* joined = std::get_if<agent::Joined>(&event.body))
    tell_or_answer(joined->connection, answer::ConfirmationSent{}, happening::ConfirmationSent{});
  if (const auto* problem = std::get_if<agent::AgentProblem>(&event.body);
      problem != nullptr && problem->failure == agent::Failure::storage)
    retry_hand_over_ = loop_.after(retry_delay, [this] { hand_over(ChatStore::Outgoing::all); });
  return {};
}

void ChatSession::finish(const agent::Event& event) {
  if (!event.id) return;
  if (const auto* message = std::get_if<agent::MessageReceived>(&event.body)) {
    (void)agent_->ack_message(message->connection, message->message);  // not_found: deleted in the meantime
    return;
  }
  if (const auto* confirmation = std::get_if<agent::ConfirmationReceived>(&event.body)) {
    const auto info = own_info(confirmation->pq_support);
    if (auto allowed = agent_->allow_connection(confirmation->connection, confirmation->confirmation, info); !allowed)
      tell(happening::ConnectionFailed{"", allowed.error().message});
  }
  agent_->handled(*event.id);
}

void ChatSession::tell(const Happening& happening) {
  if (handler_) handler_(happening);
}

void ChatSession::tell_or_answer(const agent::ConnectionId& connection, Answer answer, const Happening& happening) {
  if (auto waiting = taken_answer(connection))
    (*waiting)(std::move(answer));
  else
    tell(happening);
}

Result<> ChatSession::apply(const agent::EventBody& body, Aftermath& after) {
  struct Visitor {
    ChatSession& chat;
    Aftermath& after;
    Result<> operator()(const agent::ConfirmationReceived& e) const { return chat.apply(e, after); }
    Result<> operator()(const agent::PeerInfoReceived& e) const { return chat.apply(e, after); }
    Result<> operator()(const agent::Connected& e) const { return chat.apply(e, after); }
    Result<> operator()(const agent::MessageReceived& e) const { return chat.apply(e, after); }
    Result<> operator()(const agent::MessageSent& e) const { return chat.apply(e, after); }
    Result<> operator()(const agent::MessageFailed& e) const { return chat.apply(e, after); }
    Result<> operator()(const agent::ConnectionFailed& e) const { return chat.apply(e, after); }
    Result<> operator()(const agent::ReceptionFailed& e) const { return chat.apply(e, after); }
    Result<> operator()(const agent::ConnectionDeleted& e) const { return chat.store_.delete_connection(e.connection); }
    Result<> operator()(const agent::RelayUp& e) const {
      after.happenings.push_back(happening::RelayConnected{e.relay, e.connections.size()});
      return {};
    }
    Result<> operator()(const agent::RelayDown& e) const {
      after.happenings.push_back(happening::RelayDisconnected{e.relay, e.connections.size()});
      return {};
    }
    Result<> operator()(const agent::SubscriptionEnded& e) const {
      SIMPLEX_ASSIGN(const auto contact, chat.contact_of(e.connection));
      after.happenings.push_back(
          happening::Problem{(contact ? contact->name : std::string("a connection")) +
                             ": messages go to another program that uses a copy of this database"});
      return {};
    }
    Result<> operator()(const agent::DatabaseRestored&) const {
      after.happenings.push_back(
          happening::Problem{"the database is an old copy: new encryption keys are agreed on with your contacts"});
      return {};
    }
    Result<> operator()(const agent::AgentSuspended&) const { return {}; }
    Result<> operator()(const agent::AgentProblem& e) const {
      after.happenings.push_back(happening::Problem{e.error.message});
      return {};
    }
    // Answered after the commit, or of no interest to a person.
    Result<> operator()(const agent::InvitationReady&) const { return {}; }
    Result<> operator()(const agent::Joined&) const { return {}; }
    Result<> operator()(const agent::MessageDelayed&) const { return {}; }
    Result<> operator()(const agent::MessageDelivered&) const { return {}; }
    Result<> operator()(const agent::RatchetSyncChanged&) const { return {}; }
    Result<> operator()(const agent::RequestReceived&) const { return {}; }
    Result<> operator()(const agent::QueueSwitched&) const { return {}; }
    Result<> operator()(const agent::QueueLost&) const { return {}; }
    Result<> operator()(const agent::LinkDataSet&) const { return {}; }
    Result<> operator()(const agent::UserDeleted&) const { return {}; }
    Result<> operator()(const agent::LinkDeleted&) const { return {}; }
    Result<> operator()(const agent::LinkFailed&) const { return {}; }
    Result<> operator()(const agent::LinkRead&) const { return {}; }
    Result<> operator()(const agent::LinkReadFailed&) const { return {}; }
    Result<> operator()(const agent::ServerTested&) const { return {}; }
  };
  return std::visit(Visitor{*this, after}, body);
}

Result<std::optional<Contact>> ChatSession::contact_of(const agent::ConnectionId& id) {
  SIMPLEX_ASSIGN(const auto connection, store_.connection(id));
  if (!connection || !connection->contact) return std::nullopt;
  return store_.contact(*connection->contact);
}

// A profile that cannot be read makes a contact all the same: the connection exists.
Result<Contact> ChatSession::contact_from_info(const ConnectionRow& connection, BytesView info) {
  Profile profile;
  ChatVersion peer_max(1);
  for (auto& element : parse_chat_messages(info)) {
    if (!element) continue;
    auto* message = std::get_if<ChatMessage>(&element->content);
    if (message == nullptr) continue;
    peer_max = message->versions.max;
    if (auto* shown = std::get_if<event::Info>(&message->event))
      profile = std::move(shown->profile);
    else if (auto* contact = std::get_if<event::Contact>(&message->event))
      profile = std::move(contact->profile);
  }
  if (profile.display_name.empty()) profile.display_name = "contact";
  SIMPLEX_ASSIGN(auto contact, store_.add_contact(user_->id, profile));
  SIMPLEX_TRY(store_.set_connection_contact(connection.id, contact.id, peer_max));
  return contact;
}

Result<> ChatSession::apply(const agent::ConfirmationReceived& event, Aftermath& after) {
  SIMPLEX_ASSIGN(const auto connection, store_.connection(event.connection));
  if (!connection || connection->contact || connection->closing) return {};
  SIMPLEX_ASSIGN(auto contact, contact_from_info(*connection, event.peer_info));
  SIMPLEX_TRY(store_.set_post_quantum(event.connection, event.pq_support));
  after.happenings.push_back(happening::ContactConnecting{std::move(contact)});
  return {};
}

Result<> ChatSession::apply(const agent::PeerInfoReceived& event, Aftermath&) {
  SIMPLEX_ASSIGN(const auto connection, store_.connection(event.connection));
  if (!connection || connection->contact || connection->closing) return {};
  SIMPLEX_TRY(contact_from_info(*connection, event.peer_info));
  return store_.set_post_quantum(event.connection, event.pq_support);
}

Result<> ChatSession::apply(const agent::Connected& event, Aftermath& after) {
  SIMPLEX_ASSIGN(const auto connection, store_.connection(event.connection));
  if (!connection || connection->closing) return {};
  SIMPLEX_ASSIGN(auto contact, contact_of(event.connection));
  if (!contact) {
    SIMPLEX_ASSIGN(contact, contact_from_info(*connection, {}));
  }
  contact->state = ContactState::connected;
  SIMPLEX_TRY(store_.set_contact_state(contact->id, contact->state));
  after.happenings.push_back(happening::ContactConnected{std::move(*contact), event.pq_encryption});
  return {};
}

Result<> ChatSession::add_notice(const Contact& contact, std::string text, Aftermath& after) {
  SIMPLEX_ASSIGN(auto item, store_.add_item({.contact = contact.id,
                                             .direction = Direction::received,
                                             .status = ItemStatus::notice,
                                             .text = std::move(text),
                                             .message = "{}",
                                             .time = loop_.wall()}));
  after.happenings.push_back(happening::MessageReceived{std::move(item)});
  return {};
}

Result<> ChatSession::apply(const agent::MessageReceived& event, Aftermath& after) {
  SIMPLEX_ASSIGN(const auto connection, store_.connection(event.connection));
  SIMPLEX_ASSIGN(const auto contact, contact_of(event.connection));
  if (!connection || !contact) return {};
  if (auto notice = notice_of(event.integrity); !notice.empty()) {
    SIMPLEX_TRY(add_notice(*contact, std::move(notice), after));
  }
  // One notice for all: in one body there may be tens of thousands.
  std::size_t not_understood = 0;
  std::string reason;
  for (const auto& element : parse_chat_messages(event.body)) {
    if (element) {
      SIMPLEX_TRY(receive_element(*contact, *connection, *element, event, after));
    } else if (++not_understood == 1) {
      reason = element.error().message;
    }
  }
  if (not_understood == 0) return {};
  if (not_understood == 1) return add_notice(*contact, "a message could not be understood: " + reason, after);
  return add_notice(*contact,
                    std::to_string(not_understood) + " messages could not be understood; the first: " + reason, after);
}

Result<> ChatSession::receive_element(const Contact& contact, const ConnectionRow& connection, const Element& element,
                                      const agent::MessageReceived& event, Aftermath& after) {
  const auto* message = std::get_if<ChatMessage>(&element.content);
  if (message == nullptr) return {};  // chunks of files that were never offered
  std::string text;
  if (const auto* sent = std::get_if<event::MessageNew>(&message->event)) {
    if (message->id) {
      SIMPLEX_ASSIGN(const bool repeated, store_.has_received(contact.id, *message->id));
      if (repeated) return {};
    }
    text = shown_text(sent->content, sent->rest);
  } else if (const auto* info = std::get_if<event::Info>(&message->event)) {
    return store_.set_contact_profile(contact.id, info->profile);
  } else if (std::holds_alternative<event::DirectDeleted>(message->event)) {
    SIMPLEX_TRY(store_.set_contact_state(contact.id, ContactState::deleted_by_peer));
    SIMPLEX_TRY(store_.set_closing(connection.id, ChatStore::not_told));
    after.to_delete.push_back(connection.id);
    after.happenings.push_back(happening::ContactGone{contact});
    return {};
  } else if (const auto* other = std::get_if<event::Other>(&message->event);
             other != nullptr && other->tag == "x.msg.update") {
    text = "[edited] " + edited_text(other->params);
  } else {
    return {};
  }
  ChatStore::NewItem item{.contact = contact.id,
                          .direction = Direction::received,
                          .status = ItemStatus::received,
                          .text = std::move(text),
                          .message = encode_chat_message(*message),
                          .time = event.relay_time};
  if (std::holds_alternative<event::MessageNew>(message->event)) item.shared_id = message->id;
  SIMPLEX_ASSIGN(auto stored, store_.add_item(item));
  after.happenings.push_back(happening::MessageReceived{std::move(stored)});
  return {};
}

// What became of a sent message; its item, if it has one. A connection that is closing goes after its last message.
Result<std::optional<Item>> ChatSession::settle_item(const agent::ConnectionId& id, agent::MessageId message,
                                                     ItemStatus status, Aftermath& after) {
  SIMPLEX_ASSIGN(const auto connection, store_.connection(id));
  if (!connection) return std::nullopt;
  if (connection->closing && message >= *connection->closing) after.to_delete.push_back(connection->id);
  if (!connection->contact) return std::nullopt;
  SIMPLEX_ASSIGN(auto item, store_.item_sent_as(*connection->contact, message));
  if (!item) return std::nullopt;
  item->status = status;
  SIMPLEX_TRY(store_.set_item_status(item->id, status));
  return item;
}

Result<> ChatSession::apply(const agent::MessageSent& event, Aftermath& after) {
  SIMPLEX_ASSIGN(auto item, settle_item(event.connection, event.message, ItemStatus::delivered, after));
  if (item) after.happenings.push_back(happening::MessageDelivered{std::move(*item)});
  return {};
}

Result<> ChatSession::apply(const agent::MessageFailed& event, Aftermath& after) {
  SIMPLEX_ASSIGN(auto item, settle_item(event.connection, event.message, ItemStatus::failed, after));
  if (item) after.happenings.push_back(happening::MessageFailed{std::move(*item), event.error.message});
  return {};
}

Result<> ChatSession::apply(const agent::ConnectionFailed& event, Aftermath& after) {
  if (auto waiting = taken_answer(event.connection)) {
    answer_later(std::move(*waiting), std::unexpected(event.error));
    return {};
  }
  SIMPLEX_ASSIGN(const auto contact, contact_of(event.connection));
  after.happenings.push_back(happening::ConnectionFailed{contact ? contact->name : std::string(), event.error.message});
  return {};
}

Result<> ChatSession::apply(const agent::ReceptionFailed& event, Aftermath& after) {
  SIMPLEX_ASSIGN(const auto contact, contact_of(event.connection));
  if (!contact) return {};
  return add_notice(*contact, "a message could not be read: " + event.error.message, after);
}

}  // namespace simplex::chat
