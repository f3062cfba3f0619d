#include "simplex/smp/server/control_session.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "simplex/crypto/hkdf.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/protocol/short_link.hpp"

namespace simplex::smp::server {
namespace {

constexpr std::string_view help =
    "commands: stats, stats-rts, clients, sockets, socket-threads, threads, server-info, status, block, unblock, "
    "delete, save, suspend, resume, auth, help, quit\n"
    "  everybody:     auth PASSWORD, stats-rts, help, quit\n"
    "  user:          stats, sockets, server-info, status ID, unblock ID,\n"
    "                 block ID reason=spam|content[,notice={...}]\n"
    "  administrator: also clients, threads, socket-threads, delete ID, save; suspend and resume are not implemented\n"
    "ID is a sender id, a link id or a short link. The passwords are in [AUTH] of smp-server.ini.\n";
constexpr std::string_view not_implemented = "{} not implemented\n";

// Values as the reference shows them.
std::string shown(const Blocking& blocking) {
  return fmt::format("BlockingInfo {{reason = {}, notice = {}}}",
                     blocking.reason == BlockingReason::spam ? "BRSpam" : "BRContent",
                     blocking.notice ? "Just " + *blocking.notice : "Nothing");
}

std::string shown(const QueueControl::Answer& answer) {
  switch (answer.status) {
    case QueueStatus::active: return "EntityActive";
    case QueueStatus::suspended: return "EntityOff";
    case QueueStatus::blocked: break;
  }
  return fmt::format("EntityBlocked ({})", shown(answer.blocking.value_or(Blocking{})));
}

std::string report(QueueAction action, const QueueControl::Answer& answer) {
  switch (action) {
    case QueueAction::status: {
      const auto updated =
          answer.updated ? fmt::format("Just (RoundedSystemTime {{roundedSeconds = {}}})", answer.updated->value())
                         : "Nothing";
      const auto mode = !answer.mode                                   ? "Nothing"
                        : *answer.mode == protocol::QueueMode::contact ? "Just QMContact"
                                                                       : "Just QMMessaging";
      return fmt::format("status: {}, updatedAt: {}, queueMode: {}\n", shown(answer), updated, mode);
    }
    case QueueAction::block:
      return fmt::format("ok, {}: {}\n", answer.was_active ? "queue blocked" : "already inactive", shown(answer));
    case QueueAction::unblock:
      if (answer.changed) {
        return fmt::format("ok, queue unblocked, reason to block was: {}\n",
                           shown(answer.blocking.value_or(Blocking{})));
      }
      return answer.status == QueueStatus::active ? "ok, queue was active\n" : "error, queue is inactive\n";
    case QueueAction::remove: break;
  }
  return fmt::format("ok, {} messages deleted\n", answer.messages);
}

std::string report(const Error& error) {
  return error.kind == ErrorKind::not_found ? std::string("error: AUTH (no queue has this id)\n")
                                            : fmt::format("error: {}\n", error.message);
}

std::optional<Blocking> parse_blocking(std::string_view text) {
  constexpr std::string_view reason = "reason=";
  constexpr std::string_view notice = ",notice=";
  if (!text.starts_with(reason)) return std::nullopt;
  text.remove_prefix(reason.size());
  Blocking made;
  if (text.starts_with("spam")) {
    text.remove_prefix(4);
  } else if (text.starts_with("content")) {
    made.reason = BlockingReason::content;
    text.remove_prefix(7);
  } else {
    return std::nullopt;
  }
  if (text.starts_with(notice)) {
    text.remove_prefix(notice.size());
    if (!text.starts_with('{') || !text.ends_with('}')) return std::nullopt;
    made.notice = std::string(text);
    text = {};
  }
  if (!text.empty()) return std::nullopt;
  return made;
}

std::pair<std::string_view, std::string_view> split(std::string_view text) {
  const auto space = text.find(' ');
  if (space == text.npos) return {text, {}};
  return {text.substr(0, space), text.substr(space + 1)};
}

}  // namespace

Result<NamedQueue> parse_queue_name(std::string_view text) {
  const auto wrong = [] {
    return fail(ErrorKind::malformed, "not a sender id, link id or short link", Advice::ask_user);
  };
  if (text.find(':') != text.npos) {
    const auto link = protocol::parse_short_link(text);
    if (!link) return wrong();
    if (link->is_invitation()) {
      const auto id = DirectoryId::from(link->link_id.view());
      if (!id) return wrong();
      return NamedQueue{{IdKind::link}, *id};
    }
    // A contact's link id comes from its key (agent-protocol.md, "Short links").
    const auto derived = crypto::hkdf_sha512({}, link->key.view(), "SimpleXContactLink", 56);
    return NamedQueue{{IdKind::link}, *DirectoryId::from(derived.reveal().first(24))};
  }
  const auto octets = from_base64url(text);
  if (!octets || octets->empty()) return wrong();
  const auto id = DirectoryId::from(*octets);
  if (!id) return wrong();
  return NamedQueue{{IdKind::sender, IdKind::link}, *id};
}

std::string ControlSession::greeting() { return "SMP server control port\n'help' for supported commands\n"; }

void ControlSession::receive(std::string_view line, Answer answer) {
  while (line.ends_with('\r')) line.remove_suffix(1);
  const auto [name, arguments] = split(line);
  const auto respond = [&](std::string text) { answer(std::move(text), false); };
  // For a session that is gone nothing is answered.
  const auto safely = [&](auto call) {
    call([alive = std::weak_ptr(alive_), answer = std::move(answer)](std::string text) mutable {
      if (!alive.expired()) answer(std::move(text), false);
    });
  };
  if (name.empty()) return respond("");
  if (name == "quit") return answer("", true);
  if (name == "help") return respond(std::string(help));
  if (name == "auth") return authenticate(arguments, std::move(answer));
  constexpr std::string_view for_users[] = {"stats", "sockets", "server-info", "status", "block", "unblock"};
  constexpr std::string_view for_admins[] = {"suspend",        "resume", "clients", "threads",
                                             "socket-threads", "delete", "save"};
  const bool is_user = std::ranges::find(for_users, name) != std::end(for_users);
  const bool is_admin = std::ranges::find(for_admins, name) != std::end(for_admins);
  if (!is_user && !is_admin && name != "stats-rts") {
    return respond("error: unknown command, see help\n");
  }
  // What the runtime costs tells nothing of users; the reference shows it to everyone on the machine.
  const bool allowed = role_ == Role::admin || (role_ == Role::user && !is_admin) || (!is_user && !is_admin);
  backend_.note_command(allowed ? name : "Unauthorized control port command");
  if (!allowed) {
    return respond(is_admin ? "AUTH: this is for the administrator: auth PASSWORD, with control_port_admin_password\n"
                            : "AUTH: this is for users: auth PASSWORD, with control_port_user_password\n");
  }

  const bool admin = role_ == Role::admin;
  if (name == "stats") return safely([&](auto done) { backend_.stats(admin, std::move(done)); });
  if (name == "stats-rts") return safely([&](auto done) { backend_.runtime(std::move(done)); });
  if (name == "clients") return safely([&](auto done) { backend_.clients(std::move(done)); });
  if (name == "threads") return safely([&](auto done) { backend_.threads(std::move(done)); });
  if (name == "sockets") return safely([&](auto done) { backend_.sockets(std::move(done)); });
  // Connections have no threads of their own.
  if (name == "socket-threads") return safely([&](auto done) { backend_.sockets(std::move(done)); });
  if (name == "server-info") return safely([&](auto done) { backend_.server_info(admin, std::move(done)); });
  if (name == "save") return safely([&](auto done) { backend_.save(std::move(done)); });
  if (name == "suspend" || name == "resume") return respond(fmt::format(not_implemented, name));
  if (name == "block") return block(arguments, std::move(answer));
  const auto action = name == "delete"   ? QueueAction::remove
                      : name == "status" ? QueueAction::status
                                         : QueueAction::unblock;
  control(action, arguments, std::nullopt, std::move(answer));
}

void ControlSession::authenticate(std::string_view password, Answer answer) {
  // Both are compared, so that the time does not tell which.
  const auto& passwords = backend_.passwords();
  const auto given = protocol::BasicAuth::from(as_bytes(password));
  const bool admin = given && passwords.admin && *given == *passwords.admin;
  const bool user = given && passwords.user && *given == *passwords.user;
  const auto found = admin ? Role::admin : user ? Role::user : Role::none;
  const auto name = [](Role role) {
    return role == Role::admin ? "CPRAdmin" : role == Role::user ? "CPRUser" : "CPRNone";
  };
  if (role_ == Role::none) {
    role_ = found;
    const auto* const why = found != Role::none                 ? ""
                            : passwords.admin || passwords.user ? " (wrong password)"
                                                                : " (no password is set in [AUTH] of smp-server.ini)";
    return answer(fmt::format("Current role is {}{}\n", name(role_), why), false);
  }
  const auto* const other = role_ == found        ? ""
                            : found == Role::none ? " (wrong password)"
                                                  : ", start new session to change.";
  answer(fmt::format("Current role is {}{}\n", name(role_), other), false);
}

void ControlSession::block(std::string_view arguments, Answer answer) {
  const auto [id, reason] = split(arguments);
  auto blocking = parse_blocking(reason);
  if (!blocking) return answer("error: give the reason: block ID reason=spam or block ID reason=content\n", false);
  if (const auto refused = backend_.no_more_blocking()) return answer(*refused, false);
  control(QueueAction::block, id, std::move(blocking), std::move(answer));
}

void ControlSession::control(QueueAction action, std::string_view id, std::optional<Blocking> blocking, Answer answer) {
  const auto named = parse_queue_name(id);
  if (!named) return answer(report(named.error()), false);
  // One kind of id after the other, until one is known.
  struct Try {
    NamedQueue named;
    QueueAction action;
    std::optional<Blocking> blocking;
    ControlBackend& backend;
    std::weak_ptr<int> alive;
    Answer answer;

    static void next(std::unique_ptr<Try> attempt) {
      QueueControl control;
      control.action = attempt->action;
      control.kind = attempt->named.kinds.front();
      control.id = attempt->named.id;
      control.blocking = attempt->blocking;
      attempt->named.kinds.erase(attempt->named.kinds.begin());
      auto& backend = attempt->backend;
      control.done = [attempt = std::move(attempt)](Result<QueueControl::Answer> result) mutable {
        if (attempt->alive.expired()) return;
        const bool missing = !result && result.error().kind == ErrorKind::not_found;
        if (missing && !attempt->named.kinds.empty()) return next(std::move(attempt));
        if (!result) return attempt->answer(report(result.error()), false);
        if (attempt->action == QueueAction::block && result->changed && result->was_active) {
          attempt->backend.note_blocked();
        }
        attempt->answer(report(attempt->action, *result), false);
      };
      backend.control(std::move(control));
    }
  };
  Try::next(std::make_unique<Try>(*named, action, std::move(blocking), backend_, alive_, std::move(answer)));
}

}  // namespace simplex::smp::server
