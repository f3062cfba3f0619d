#include "message_json.hpp"

#include <array>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "simplex/encoding/base64.hpp"

namespace simplex::chat {

namespace {

enum class FieldKind : std::uint8_t { id, text, object, boolean };
struct RequiredField {
  std::string_view tag;
  std::string_view field;
  FieldKind kind;
};

// What the events that are only kept must carry to be messages at all.
constexpr std::array required_fields{
    RequiredField{"x.msg.file.descr", "msgId", FieldKind::id},
    RequiredField{"x.msg.file.descr", "fileDescr", FieldKind::object},
    RequiredField{"x.msg.update", "msgId", FieldKind::id},
    RequiredField{"x.msg.update", "content", FieldKind::object},
    RequiredField{"x.msg.del", "msgId", FieldKind::id},
    RequiredField{"x.msg.react", "msgId", FieldKind::id},
    RequiredField{"x.msg.react", "reaction", FieldKind::object},
    RequiredField{"x.msg.react", "add", FieldKind::boolean},
    RequiredField{"x.file", "file", FieldKind::object},
    RequiredField{"x.file.acpt", "fileName", FieldKind::text},
    RequiredField{"x.file.acpt.inv", "msgId", FieldKind::id},
    RequiredField{"x.file.acpt.inv", "fileName", FieldKind::text},
    RequiredField{"x.file.cancel", "msgId", FieldKind::id},
    RequiredField{"x.info.probe", "probe", FieldKind::id},
    RequiredField{"x.info.probe.check", "probeHash", FieldKind::id},
    RequiredField{"x.info.probe.ok", "probe", FieldKind::id},
    RequiredField{"x.call.inv", "callId", FieldKind::id},
    RequiredField{"x.call.inv", "invitation", FieldKind::object},
    RequiredField{"x.call.end", "callId", FieldKind::id},
};

bool fits(const json::value* v, FieldKind kind) {
  if (v == nullptr) return false;
  switch (kind) {
    case FieldKind::id: return v->is_string() && !v->get_string().empty() && from_base64url(v->get_string());
    case FieldKind::text: return v->is_string();
    case FieldKind::object: return v->is_object();
    case FieldKind::boolean: return v->is_bool();
  }
  return false;
}

Result<MessageContent> content_from_json(const json::object& o) {
  SIMPLEX_ASSIGN(auto type, json::required_text(o, "type"));
  MessageContent content{std::move(type), {}, json::canonical(o)};
  const auto* text = o.if_contains("text");
  if (text != nullptr && text->is_string())
    content.text = std::string(text->get_string());
  else if (content.type == "text")
    return fail(ErrorKind::malformed, "text message has no text");
  return content;
}

json::object without(const json::object& o, std::string_view field) {
  json::object rest = o;
  rest.erase(field);
  return rest;
}

// "type" must be there: {"type":"member","memberId":…}
Result<> check_scope(const json::object& params) {
  const auto* scope = params.if_contains("scope");
  if (scope == nullptr || scope->is_null()) return {};
  if (!scope->is_object()) return fail(ErrorKind::malformed, "message scope is not an object");
  SIMPLEX_TRY(json::required_text(scope->get_object(), "type"));
  return {};
}

Result<Event> event_from_json(std::string_view tag, const json::object& params) {
  if (tag == "x.msg.new") {
    SIMPLEX_ASSIGN(const auto* content, json::required_object(params, "content"));
    SIMPLEX_TRY(check_scope(params));
    SIMPLEX_ASSIGN(auto parsed, content_from_json(*content));
    return event::MessageNew{std::move(parsed), json::canonical(without(params, "content"))};
  }
  if (tag == "x.info" || tag == "x.contact") {
    SIMPLEX_ASSIGN(const auto* profile, json::required_object(params, "profile"));
    SIMPLEX_ASSIGN(auto parsed, profile_from_json(*profile));
    if (tag == "x.info") return event::Info{std::move(parsed)};
    return event::Contact{std::move(parsed), json::canonical(without(params, "profile"))};
  }
  if (tag == "x.ok") return event::Ok{};
  if (tag == "x.direct.del") return event::DirectDeleted{};
  if (!tag.starts_with("x.")) return fail(ErrorKind::malformed, "unknown kind of message");
  for (const auto& required : required_fields) {
    if (required.tag == tag && !fits(params.if_contains(required.field), required.kind))
      return fail(ErrorKind::malformed, std::string(tag) + " has no valid " + std::string(required.field));
  }
  return event::Other{std::string(tag), json::canonical(params)};
}

// Text that this program made itself parses.
json::object object_of(const std::string& text) { return json::parse(text).value().as_object(); }

struct Encoded {
  std::string tag;
  std::string params;
};

Encoded encode_event(const Event& event) {
  struct Visitor {
    Encoded operator()(const event::MessageNew& e) const {
      json::object params = object_of(e.rest);
      params["content"] = object_of(e.content.json);
      return {"x.msg.new", json::canonical(params)};
    }
    Encoded operator()(const event::Info& e) const {
      return {"x.info", json::canonical(json::object{{"profile", profile_to_json(e.profile)}})};
    }
    Encoded operator()(const event::Contact& e) const {
      json::object params = object_of(e.rest);
      params["profile"] = profile_to_json(e.profile);
      return {"x.contact", json::canonical(params)};
    }
    Encoded operator()(const event::Ok&) const { return {"x.ok", "{}"}; }
    Encoded operator()(const event::DirectDeleted&) const { return {"x.direct.del", "{}"}; }
    Encoded operator()(const event::Other& e) const { return {e.tag, e.params}; }
  };
  return std::visit(Visitor{}, event);
}

}  // namespace

MessageContent text_content(std::string_view text) {
  return {"text", std::string(text), json::canonical(json::object{{"type", "text"}, {"text", text}})};
}

Result<Profile> profile_from_json(const json::object& o) {
  Profile profile;
  SIMPLEX_ASSIGN(profile.display_name, json::required_text(o, "displayName"));
  SIMPLEX_ASSIGN(profile.full_name, json::required_text(o, "fullName"));
  SIMPLEX_ASSIGN(profile.short_description, json::optional_text(o, "shortDescr"));
  SIMPLEX_ASSIGN(profile.image, json::optional_text(o, "image"));
  SIMPLEX_ASSIGN(profile.peer_type, json::optional_text(o, "peerType"));
  // A contact link is text or, from short links on, an object; what is not understood is not kept.
  if (const auto* link = o.if_contains("contactLink"); link != nullptr && link->is_string())
    profile.contact_link = std::string(link->get_string());
  if (const auto* preferences = o.if_contains("preferences"); preferences != nullptr && preferences->is_object())
    profile.preferences = json::canonical(*preferences);
  return profile;
}

json::object profile_to_json(const Profile& profile) {
  json::object o{{"displayName", profile.display_name}, {"fullName", profile.full_name}};
  if (profile.short_description) o["shortDescr"] = *profile.short_description;
  if (profile.image) o["image"] = *profile.image;
  if (profile.contact_link) o["contactLink"] = *profile.contact_link;
  if (profile.preferences) o["preferences"] = object_of(*profile.preferences);
  if (profile.peer_type) o["peerType"] = *profile.peer_type;
  return o;
}

Result<ChatMessage> message_from_json(const json::value& v) {
  if (!v.is_object()) return fail(ErrorKind::malformed, "message is not an object");
  const json::object& o = v.get_object();
  ChatMessage message;
  SIMPLEX_ASSIGN(const auto versions, json::optional_text(o, "v"));
  message.versions = {ChatVersion(1), ChatVersion(1)};
  if (versions) {
    SIMPLEX_ASSIGN(message.versions, parse_version_range<ChatVersionTag>(*versions));
  }
  SIMPLEX_ASSIGN(const auto id, json::optional_text(o, "msgId"));
  if (id) {
    if (id->empty()) return fail(ErrorKind::malformed, "message id is empty");
    SIMPLEX_ASSIGN(auto octets, from_base64url(*id));
    message.id = SharedMessageId(std::move(octets));
  }
  SIMPLEX_ASSIGN(const auto tag, json::required_text(o, "event"));
  SIMPLEX_ASSIGN(const auto* params, json::required_object(o, "params"));
  SIMPLEX_ASSIGN(message.event, event_from_json(tag, *params));
  return message;
}

std::string encode_chat_message(const ChatMessage& message) {
  const Encoded encoded = encode_event(message.event);
  std::string out = "{\"v\":\"" + format_version_range(message.versions) + '"';
  if (message.id) out += ",\"msgId\":\"" + base64url(message.id->view()) + '"';
  out += ",\"event\":" + boost::json::serialize(boost::json::string_view(encoded.tag)) +
         ",\"params\":" + encoded.params + '}';
  return out;
}

}  // namespace simplex::chat
