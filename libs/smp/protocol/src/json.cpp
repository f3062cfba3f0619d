#include "json.hpp"

#include <array>
#include <boost/json.hpp>

namespace simplex::smp {

namespace {

namespace json = boost::json;

std::unexpected<Error> bad_json() { return fail(ErrorKind::malformed, "JSON that does not follow its schema"); }

Result<json::object> parse_object(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return bad_json();
  return std::move(value.get_object());
}

// Null where the field is absent or null.
const json::value* find(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Result<std::string> text_of(const json::value& value) {
  if (!value.is_string()) return bad_json();
  return std::string(value.get_string());
}

Result<std::string> text(const json::object& object, std::string_view name) {
  const json::value* value = find(object, name);
  if (value == nullptr) return bad_json();
  return text_of(*value);
}

Result<std::optional<std::string>> optional_text(const json::object& object, std::string_view name) {
  const json::value* value = find(object, name);
  if (value == nullptr) return std::nullopt;
  SIMPLEX_ASSIGN(std::string found, text_of(*value));
  return std::optional(std::move(found));
}

Result<std::vector<std::string>> texts(const json::object& object, std::string_view name) {
  const json::value* value = find(object, name);
  if (value == nullptr || !value->is_array()) return bad_json();
  std::vector<std::string> found;
  for (const json::value& item : value->get_array()) {
    SIMPLEX_ASSIGN(std::string one, text_of(item));
    found.push_back(std::move(one));
  }
  return found;
}

Result<bool> boolean(const json::object& object, std::string_view name) {
  const json::value* value = find(object, name);
  if (value == nullptr || !value->is_bool()) return bad_json();
  return value->get_bool();
}

Result<std::int64_t> number_of(const json::value& value) {
  boost::system::error_code error;
  const auto number = value.to_number<std::int64_t>(error);
  if (error) return bad_json();
  return number;
}

constexpr std::array<std::pair<SubscriptionState, std::string_view>, 4> subscription_states{{
    {SubscriptionState::none, "noSub"},
    {SubscriptionState::pending, "subPending"},
    {SubscriptionState::thread, "subThread"},
    {SubscriptionState::prohibited, "prohibitSub"},
}};

constexpr std::array<std::pair<StoredMessageKind, std::string_view>, 2> message_kinds{{
    {StoredMessageKind::message, "message"},
    {StoredMessageKind::quota, "quota"},
}};

template <class Names, class Value>
std::string_view name_in(const Names& names, Value value) {
  for (const auto& [known, name] : names) {
    if (known == value) return name;
  }
  return names.front().second;
}

template <class Names>
auto value_in(const Names& names, std::string_view wanted) -> Result<decltype(names.front().first)> {
  for (const auto& [known, name] : names) {
    if (name == wanted) return known;
  }
  return bad_json();
}

json::value optional_value(const std::optional<std::string>& text) {
  return text ? json::value(*text) : json::value(nullptr);
}

}  // namespace

Result<BlockingInfo::Notice> parse_blocking_notice(std::string_view text) {
  SIMPLEX_ASSIGN(const json::object object, parse_object(text));
  BlockingInfo::Notice notice;
  if (const json::value* ttl = find(object, "ttl")) {
    SIMPLEX_ASSIGN(notice.ttl_seconds, number_of(*ttl));
  }
  return notice;
}

std::string to_json(const QueueState& state) {
  json::object object{{"qiSnd", state.secured}, {"qiNtf", state.notifications}};
  if (const auto& subscription = state.subscription) {
    json::object sub{{"qSubThread", name_in(subscription_states, subscription->state)}};
    if (subscription->delivered) sub["qDelivered"] = *subscription->delivered;
    object["qiSub"] = std::move(sub);
  }
  object["qiSize"] = state.size;
  if (const auto& message = state.first_message) {
    object["qiMsg"] = json::object{
        {"msgId", message->id}, {"msgTs", message->time}, {"msgType", name_in(message_kinds, message->kind)}};
  }
  return json::serialize(object);
}

Result<QueueState> parse_queue_state(std::string_view input) {
  SIMPLEX_ASSIGN(const json::object object, parse_object(input));
  QueueState state;
  SIMPLEX_ASSIGN(state.secured, boolean(object, "qiSnd"));
  SIMPLEX_ASSIGN(state.notifications, boolean(object, "qiNtf"));
  const json::value* size = find(object, "qiSize");
  if (size == nullptr) return bad_json();
  SIMPLEX_ASSIGN(state.size, number_of(*size));
  if (const json::value* value = find(object, "qiSub")) {
    if (!value->is_object()) return bad_json();
    QueueState::Subscription subscription;
    SIMPLEX_ASSIGN(const std::string name, text(value->get_object(), "qSubThread"));
    SIMPLEX_ASSIGN(subscription.state, value_in(subscription_states, name));
    SIMPLEX_ASSIGN(subscription.delivered, optional_text(value->get_object(), "qDelivered"));
    state.subscription = std::move(subscription);
  }
  if (const json::value* value = find(object, "qiMsg")) {
    if (!value->is_object()) return bad_json();
    QueueState::FirstMessage message;
    SIMPLEX_ASSIGN(message.id, text(value->get_object(), "msgId"));
    SIMPLEX_ASSIGN(message.time, text(value->get_object(), "msgTs"));
    SIMPLEX_ASSIGN(const std::string kind, text(value->get_object(), "msgType"));
    SIMPLEX_ASSIGN(message.kind, value_in(message_kinds, kind));
    state.first_message = std::move(message);
  }
  return state;
}

std::string to_json(const NameRecord& record) {
  const json::object object{
      {"name", record.name},
      {"nickname", record.nickname},
      {"website", record.website},
      {"location", record.location},
      {"simplexContact", json::value_from(record.simplex_contact)},
      {"simplexChannel", json::value_from(record.simplex_channel)},
      {"eth", optional_value(record.eth)},
      {"btc", optional_value(record.btc)},
      {"xmr", optional_value(record.xmr)},
      {"dot", optional_value(record.dot)},
      {"owner", record.owner},
      {"resolver", record.resolver},
  };
  return json::serialize(object);
}

Result<NameRecord> parse_name_record(std::string_view input) {
  SIMPLEX_ASSIGN(const json::object object, parse_object(input));
  NameRecord record;
  SIMPLEX_ASSIGN(record.name, text(object, "name"));
  SIMPLEX_ASSIGN(record.nickname, text(object, "nickname"));
  SIMPLEX_ASSIGN(record.website, text(object, "website"));
  SIMPLEX_ASSIGN(record.location, text(object, "location"));
  SIMPLEX_ASSIGN(record.simplex_contact, texts(object, "simplexContact"));
  SIMPLEX_ASSIGN(record.simplex_channel, texts(object, "simplexChannel"));
  SIMPLEX_ASSIGN(record.eth, optional_text(object, "eth"));
  SIMPLEX_ASSIGN(record.btc, optional_text(object, "btc"));
  SIMPLEX_ASSIGN(record.xmr, optional_text(object, "xmr"));
  SIMPLEX_ASSIGN(record.dot, optional_text(object, "dot"));
  SIMPLEX_ASSIGN(record.owner, text(object, "owner"));
  SIMPLEX_ASSIGN(record.resolver, text(object, "resolver"));
  return record;
}

}  // namespace simplex::smp
