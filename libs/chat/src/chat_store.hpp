// Statements over the tables of schema.cpp. Every method is part of the caller's transaction.
#pragma once

#include "simplex/agent/ids.hpp"
#include "simplex/chat/chat.hpp"
#include "simplex/chat/message.hpp"
#include "simplex/store/database.hpp"

namespace simplex::chat {

struct UserRow {
  std::int64_t id = 0;
  agent::UserId agent_user;
  Profile profile;
};

struct ConnectionRow {
  agent::ConnectionId id;
  std::optional<ContactId> contact;
  bool initiated = false;  // by us: we made the link
  bool post_quantum = false;
  // The contact was deleted: when the relay has this message of ours, or never will, the connection goes too.
  std::optional<agent::MessageId> closing;
};

struct OutgoingItem {
  ItemId id;
  agent::ConnectionId connection;
  agent::SendKey key;
  std::string message;  // the chat message as JSON text
  bool post_quantum = false;
};

class ChatStore {
 public:
  ChatStore(store::Database database, const Clock& clock) : db_(std::move(database)), clock_(clock) {}

  // Runs f in a transaction: its error, or that of the commit, undoes all.
  template <class F>
  [[nodiscard]] auto transaction(F&& f) -> std::invoke_result_t<F> {
    SIMPLEX_TRY(db_.begin());
    auto result = f();
    if (!result) {
      db_.rollback();
      return result;
    }
    if (auto committed = db_.commit(); !committed) {
      db_.rollback();
      return std::unexpected(std::move(committed).error());
    }
    return result;
  }

  [[nodiscard]] Result<std::optional<std::string>> setting(std::string_view name);
  [[nodiscard]] Result<> set_setting(std::string_view name, std::string_view value);
  [[nodiscard]] Result<agent::EventId> last_event();
  [[nodiscard]] Result<> set_last_event(agent::EventId event);

  [[nodiscard]] Result<std::optional<UserRow>> user();
  [[nodiscard]] Result<> add_user(agent::UserId agent_user, const Profile& profile);

  [[nodiscard]] Result<> add_connection(std::int64_t user, const agent::ConnectionId& id, bool initiated, bool pq);
  [[nodiscard]] Result<std::optional<ConnectionRow>> connection(const agent::ConnectionId& id);
  [[nodiscard]] Result<std::optional<ConnectionRow>> connection_of(ContactId contact);
  [[nodiscard]] Result<> set_connection_contact(const agent::ConnectionId& id, ContactId contact, ChatVersion peer_max);
  [[nodiscard]] Result<> set_post_quantum(const agent::ConnectionId& id, bool on);
  // And it belongs to no contact any more. last: the message that tells the peer; not_told until there is one.
  [[nodiscard]] Result<> set_closing(const agent::ConnectionId& id, agent::MessageId last);
  static constexpr agent::MessageId not_told{1};  // the agent gives this number to the confirmation
  [[nodiscard]] Result<std::vector<agent::ConnectionId>> connections_not_told();
  [[nodiscard]] Result<> delete_connection(const agent::ConnectionId& id);

  // Chooses a name that is free.
  [[nodiscard]] Result<Contact> add_contact(std::int64_t user, const Profile& profile);
  [[nodiscard]] Result<> set_contact_profile(ContactId contact, const Profile& profile);
  [[nodiscard]] Result<> set_contact_state(ContactId contact, ContactState state);
  [[nodiscard]] Result<std::optional<Contact>> contact(ContactId id);
  [[nodiscard]] Result<std::optional<Contact>> contact_named(std::int64_t user, std::string_view name);
  [[nodiscard]] Result<std::vector<Contact>> contacts(std::int64_t user);
  [[nodiscard]] Result<> delete_contact(ContactId id);

  struct NewItem {
    ContactId contact;
    Direction direction = Direction::sent;
    ItemStatus status = ItemStatus::accepted;
    std::string text;
    std::string message{};
    std::optional<SharedMessageId> shared_id{};
    std::optional<agent::SendKey> send_key{};
    WallTime time;
  };
  [[nodiscard]] Result<Item> add_item(const NewItem& item);
  [[nodiscard]] Result<> set_item_sent_as(ItemId item, agent::MessageId message);
  [[nodiscard]] Result<std::optional<Item>> item_sent_as(ContactId contact, agent::MessageId message);
  [[nodiscard]] Result<> set_item_status(ItemId item, ItemStatus status);
  [[nodiscard]] Result<bool> has_received(ContactId contact, const SharedMessageId& shared_id);
  // On their way: those that the agent has not been given, or all.
  enum class Outgoing : std::uint8_t { not_handed_over, all };
  [[nodiscard]] Result<std::vector<OutgoingItem>> outgoing_items(Outgoing which);
  // The last `count`, oldest first; of one contact, or of all.
  [[nodiscard]] Result<std::vector<Item>> history(std::int64_t user, std::optional<ContactId> contact, int count);

 private:
  [[nodiscard]] Result<std::string> free_name(std::int64_t user, std::string_view wanted);
  store::Database db_;
  const Clock& clock_;
};

}  // namespace simplex::chat
