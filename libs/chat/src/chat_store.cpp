#include "chat_store.hpp"

#include <algorithm>

#include "contact_name.hpp"
#include "message_json.hpp"

namespace simplex::chat {

namespace {

Result<Profile> profile_from_text(const std::string& text) {
  SIMPLEX_ASSIGN(const auto parsed, json::parse(text));
  if (!parsed.is_object()) return fail(ErrorKind::storage, "The chat database is damaged: a profile is not an object.");
  return profile_from_json(parsed.get_object());
}

std::string text_of(const Profile& profile) { return json::canonical(profile_to_json(profile)); }

Result<Contact> read_contact(const store::Statement& row) {
  SIMPLEX_ASSIGN(auto profile, profile_from_text(row.text(2)));
  return Contact{row.number<ContactId>(0), row.text(1), std::move(profile.full_name),
                 static_cast<ContactState>(row.integer(3))};
}

Result<std::optional<Contact>> one_contact(store::Statement& row) {
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  SIMPLEX_ASSIGN(auto contact, read_contact(row));
  return std::optional(std::move(contact));
}

Item read_item(const store::Statement& row) {
  return Item{row.number<ItemId>(0),
              row.text(1),
              static_cast<Direction>(row.integer(2)),
              static_cast<ItemStatus>(row.integer(3)),
              row.text(4),
              row.time(5)};
}

Result<std::optional<ConnectionRow>> one_connection(store::Statement& row) {
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  ConnectionRow connection;
  SIMPLEX_ASSIGN(connection.id, row.fixed<agent::ConnectionId>(0));
  if (!row.is_null(1)) connection.contact = row.number<ContactId>(1);
  connection.initiated = row.boolean(2);
  connection.post_quantum = row.boolean(3);
  if (row.integer(4) > 0) connection.closing = row.number<agent::MessageId>(4);
  return connection;
}

}  // namespace

Result<std::optional<std::string>> ChatStore::setting(std::string_view name) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT value FROM settings WHERE name = ?"));
  SIMPLEX_TRY(row.bind_all(name));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  return std::optional(row.text(0));
}

Result<> ChatStore::set_setting(std::string_view name, std::string_view value) {
  SIMPLEX_TRY(
      db_.run("INSERT INTO settings (name, value) VALUES (?, ?) "
              "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
              name, value));
  return {};
}

Result<agent::EventId> ChatStore::last_event() {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT last_event FROM progress"));
  SIMPLEX_TRY(row.step());
  return row.number<agent::EventId>(0);
}

Result<> ChatStore::set_last_event(agent::EventId event) {
  SIMPLEX_TRY(db_.run("UPDATE progress SET last_event = ?", event));
  return {};
}

Result<std::optional<UserRow>> ChatStore::user() {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT user_id, agent_user_id, profile FROM users ORDER BY user_id LIMIT 1"));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  SIMPLEX_ASSIGN(auto profile, profile_from_text(row.text(2)));
  return UserRow{row.integer(0), row.number<agent::UserId>(1), std::move(profile)};
}

Result<> ChatStore::add_user(agent::UserId agent_user, const Profile& profile) {
  SIMPLEX_TRY(db_.run("INSERT INTO users (agent_user_id, profile) VALUES (?, ?)", agent_user, text_of(profile)));
  return {};
}

Result<> ChatStore::add_connection(std::int64_t user, const agent::ConnectionId& id, bool initiated, bool pq) {
  SIMPLEX_TRY(
      db_.run("INSERT INTO connections (agent_connection, user_id, initiated, post_quantum, peer_max_version, "
              "created_at) VALUES (?, ?, ?, ?, 1, ?)",
              id, user, initiated, pq, clock_.wall()));
  return {};
}

Result<std::optional<ConnectionRow>> ChatStore::connection(const agent::ConnectionId& id) {
  SIMPLEX_ASSIGN(auto row,
                 db_.prepare("SELECT agent_connection, contact_id, initiated, post_quantum, closing FROM connections "
                             "WHERE agent_connection = ?"));
  SIMPLEX_TRY(row.bind_all(id));
  return one_connection(row);
}

Result<std::optional<ConnectionRow>> ChatStore::connection_of(ContactId contact) {
  SIMPLEX_ASSIGN(auto row,
                 db_.prepare("SELECT agent_connection, contact_id, initiated, post_quantum, closing FROM connections "
                             "WHERE contact_id = ?"));
  SIMPLEX_TRY(row.bind_all(contact));
  return one_connection(row);
}

Result<> ChatStore::set_connection_contact(const agent::ConnectionId& id, ContactId contact, ChatVersion peer_max) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET contact_id = ?, peer_max_version = ? WHERE agent_connection = ?", contact,
                      peer_max, id));
  return {};
}

Result<> ChatStore::set_post_quantum(const agent::ConnectionId& id, bool on) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET post_quantum = ? WHERE agent_connection = ?", on, id));
  return {};
}

Result<> ChatStore::set_closing(const agent::ConnectionId& id, agent::MessageId last) {
  SIMPLEX_TRY(db_.run("UPDATE connections SET closing = ?, contact_id = NULL WHERE agent_connection = ?", last, id));
  return {};
}

Result<std::vector<agent::ConnectionId>> ChatStore::connections_not_told() {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT agent_connection FROM connections WHERE closing = ?"));
  SIMPLEX_TRY(row.bind_all(not_told));
  std::vector<agent::ConnectionId> all;
  for (;;) {
    SIMPLEX_ASSIGN(const bool found, row.step());
    if (!found) return all;
    SIMPLEX_ASSIGN(const auto id, row.fixed<agent::ConnectionId>(0));
    all.push_back(id);
  }
}

Result<> ChatStore::delete_connection(const agent::ConnectionId& id) {
  SIMPLEX_TRY(db_.run("DELETE FROM connections WHERE agent_connection = ?", id));
  return {};
}

Result<std::string> ChatStore::free_name(std::int64_t user, std::string_view wanted) {
  std::string name(wanted);
  for (int suffix = 1;; ++suffix) {
    SIMPLEX_ASSIGN(const auto taken, contact_named(user, name));
    if (!taken) return name;
    name = std::string(wanted) + '_' + std::to_string(suffix);
  }
}

Result<Contact> ChatStore::add_contact(std::int64_t user, const Profile& profile) {
  SIMPLEX_ASSIGN(auto name, free_name(user, contact_name_from(profile.display_name)));
  SIMPLEX_TRY(db_.run("INSERT INTO contacts (user_id, name, profile, state, created_at) VALUES (?, ?, ?, ?, ?)", user,
                      name, text_of(profile), static_cast<std::int64_t>(ContactState::connecting), clock_.wall()));
  return Contact{ContactId(db_.last_row_id()), std::move(name), profile.full_name, ContactState::connecting};
}

Result<> ChatStore::set_contact_profile(ContactId contact, const Profile& profile) {
  SIMPLEX_TRY(db_.run("UPDATE contacts SET profile = ? WHERE contact_id = ?", text_of(profile), contact));
  return {};
}

Result<> ChatStore::set_contact_state(ContactId contact, ContactState state) {
  SIMPLEX_TRY(db_.run("UPDATE contacts SET state = ? WHERE contact_id = ?", static_cast<std::int64_t>(state), contact));
  return {};
}

Result<std::optional<Contact>> ChatStore::contact(ContactId id) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT contact_id, name, profile, state FROM contacts WHERE contact_id = ?"));
  SIMPLEX_TRY(row.bind_all(id));
  return one_contact(row);
}

Result<std::optional<Contact>> ChatStore::contact_named(std::int64_t user, std::string_view name) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT contact_id, name, profile, state FROM contacts "
                                       "WHERE user_id = ? AND name = ?"));
  SIMPLEX_TRY(row.bind_all(user, name));
  return one_contact(row);
}

Result<std::vector<Contact>> ChatStore::contacts(std::int64_t user) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT contact_id, name, profile, state FROM contacts "
                                       "WHERE user_id = ? ORDER BY name"));
  SIMPLEX_TRY(row.bind_all(user));
  std::vector<Contact> all;
  for (;;) {
    SIMPLEX_ASSIGN(const bool found, row.step());
    if (!found) return all;
    SIMPLEX_ASSIGN(auto one, read_contact(row));
    all.push_back(std::move(one));
  }
}

Result<> ChatStore::delete_contact(ContactId id) {
  SIMPLEX_TRY(db_.run("DELETE FROM contacts WHERE contact_id = ?", id));
  return {};
}

Result<Item> ChatStore::add_item(const NewItem& item) {
  SIMPLEX_TRY(
      db_.run("INSERT INTO items (contact_id, direction, status, text, message, shared_id, send_key, time, "
              "created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
              item.contact, static_cast<std::int64_t>(item.direction), static_cast<std::int64_t>(item.status),
              item.text, item.message, item.shared_id, item.send_key, item.time, clock_.wall()));
  const ItemId id(db_.last_row_id());
  SIMPLEX_ASSIGN(const auto whose, contact(item.contact));
  return Item{id, whose ? whose->name : std::string(), item.direction, item.status, item.text, item.time};
}

Result<> ChatStore::set_item_sent_as(ItemId item, agent::MessageId message) {
  SIMPLEX_TRY(db_.run("UPDATE items SET agent_message = ? WHERE item_id = ?", message, item));
  return {};
}

Result<std::optional<Item>> ChatStore::item_sent_as(ContactId contact, agent::MessageId message) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT i.item_id, c.name, i.direction, i.status, i.text, i.time FROM items i "
                                       "JOIN contacts c USING (contact_id) "
                                       "WHERE i.contact_id = ? AND i.agent_message = ? AND i.direction = 0"));
  SIMPLEX_TRY(row.bind_all(contact, message));
  SIMPLEX_ASSIGN(const bool found, row.step());
  if (!found) return std::nullopt;
  return read_item(row);
}

Result<> ChatStore::set_item_status(ItemId item, ItemStatus status) {
  SIMPLEX_TRY(db_.run("UPDATE items SET status = ? WHERE item_id = ?", static_cast<std::int64_t>(status), item));
  return {};
}

Result<bool> ChatStore::has_received(ContactId contact, const SharedMessageId& shared_id) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT 1 FROM items WHERE contact_id = ? AND direction = 1 AND shared_id = ?"));
  SIMPLEX_TRY(row.bind_all(contact, shared_id));
  return row.step();
}

Result<std::vector<OutgoingItem>> ChatStore::outgoing_items(Outgoing which) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT i.item_id, n.agent_connection, i.send_key, i.message, n.post_quantum "
                                       "FROM items i JOIN connections n USING (contact_id) "
                                       "WHERE i.direction = 0 AND i.status = 0 AND (? OR i.agent_message IS NULL) "
                                       "ORDER BY i.item_id"));
  SIMPLEX_TRY(row.bind_all(which == Outgoing::all));
  std::vector<OutgoingItem> items;
  for (;;) {
    SIMPLEX_ASSIGN(const bool found, row.step());
    if (!found) return items;
    SIMPLEX_ASSIGN(const auto connection, row.fixed<agent::ConnectionId>(1));
    SIMPLEX_ASSIGN(const auto key, row.fixed<agent::SendKey>(2));
    items.push_back({row.number<ItemId>(0), connection, key, row.text(3), row.boolean(4)});
  }
}

Result<std::vector<Item>> ChatStore::history(std::int64_t user, std::optional<ContactId> contact, int count) {
  SIMPLEX_ASSIGN(auto row, db_.prepare("SELECT i.item_id, c.name, i.direction, i.status, i.text, i.time FROM items i "
                                       "JOIN contacts c USING (contact_id) "
                                       "WHERE c.user_id = ?1 AND (?2 IS NULL OR i.contact_id = ?2) "
                                       "ORDER BY i.item_id DESC LIMIT ?3"));
  SIMPLEX_TRY(row.bind_all(user, contact, count));
  std::vector<Item> items;
  for (;;) {
    SIMPLEX_ASSIGN(const bool found, row.step());
    if (!found) break;
    items.push_back(read_item(row));
  }
  std::reverse(items.begin(), items.end());
  return items;
}

}  // namespace simplex::chat
