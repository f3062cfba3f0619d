#include "session.hpp"

#include <algorithm>

#include "simplex/encoding/base64.hpp"
#include "simplex/encoding/utf8.hpp"
#include "schema.hpp"

namespace simplex::chat {

namespace {

constexpr std::ptrdiff_t max_name_characters = 50;
constexpr std::string_view servers_setting = "servers";

std::filesystem::path with_suffix(const std::filesystem::path& prefix, std::string_view suffix) {
  return std::filesystem::path(prefix.string() + std::string(suffix));
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = text.find(' ');
    words.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return words;
}

// Those given now, or else those of the last start.
Result<std::vector<std::string>> chosen_servers(ChatStore& store, const std::vector<std::string>& given) {
  if (!given.empty()) return given;
  SIMPLEX_ASSIGN(const auto remembered, store.setting(servers_setting));
  return remembered ? split(*remembered) : std::vector<std::string>{};
}

Result<> check_name(std::string_view name) {
  const bool allowed = std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F &&
           std::string_view("@#'\",/").find(c) == std::string_view::npos;
  });
  const auto characters =
      std::count_if(name.begin(), name.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
  if (!is_utf8(name))
    return fail(ErrorKind::malformed, "The name is not UTF-8. Set the terminal to UTF-8.", Advice::ask_user);
  if (!name.empty() && characters <= max_name_characters && allowed && name.front() != ' ' && name.back() != ' ')
    return {};
  return fail(ErrorKind::malformed,
              "A display name has 1 to 50 characters, none of @ # ' \" , / and no spaces at its ends.",
              Advice::ask_user);
}

}  // namespace

Result<std::unique_ptr<Chat>> Chat::open(agent::Dependencies dependencies, ChatConfig config) {
  const auto chat_path = with_suffix(config.prefix, "_chat.db");
  store::OpenOptions options;
  options.path = chat_path;
  options.passphrase = config.passphrase.clone();
  options.own_table = store::migrations_table;
  auto database = store::Database::open(std::move(options));
  if (!database) return fail_in(chat_path.string(), std::move(database).error());
  if (auto migrated = store::migrate(*database, chat_migrations(), dependencies.loop); !migrated)
    return fail_in(chat_path.string(), std::move(migrated).error());
  ChatStore store(std::move(*database), dependencies.loop);
  SIMPLEX_ASSIGN(auto user, store.user());
  SIMPLEX_ASSIGN(const auto last_event, store.last_event());

  agent::Config agent_config;
  agent_config.database = with_suffix(config.prefix, "_agent.db");
  agent_config.passphrase = std::move(config.passphrase);
  SIMPLEX_ASSIGN(agent_config.servers, chosen_servers(store, config.servers));
  agent_config.versions = config.versions;
  agent_config.timeouts = config.timeouts;
  agent_config.network = config.network;
  const auto agent_path = agent_config.database;
  const bool has_relays = !agent_config.servers.empty();
  auto agent = agent::Agent::open(dependencies, std::move(agent_config));
  if (!agent) return fail_in(agent_path.string(), std::move(agent).error());
  if (!config.servers.empty()) {
    SIMPLEX_TRY(store.transaction([&] { return store.set_setting(servers_setting, joined(config.servers)); }));
  }
  return std::make_unique<ChatSession>(dependencies, std::move(store), std::move(*agent), has_relays,
                                       config.post_quantum, std::move(user), last_event);
}

ChatSession::ChatSession(agent::Dependencies dependencies, ChatStore store, std::unique_ptr<agent::Agent> agent,
                         bool has_relays, bool post_quantum, std::optional<UserRow> user, agent::EventId last_event)
    : loop_(dependencies.loop),
      random_(dependencies.random),
      log_(dependencies.log),
      store_(std::move(store)),
      agent_(std::move(agent)),
      has_relays_(has_relays),
      post_quantum_(post_quantum),
      user_(std::move(user)),
      last_event_(last_event) {}

Result<> ChatSession::create_user(std::string_view display_name, std::string_view full_name) {
  SIMPLEX_TRY(check_name(display_name));
  if (user_) return fail(ErrorKind::conflict, "There is a profile already.");
  SIMPLEX_ASSIGN(const auto agent_user, agent_->create_user());
  SIMPLEX_TRY(agent_->flush());
  Profile profile;
  profile.display_name = display_name;
  profile.full_name = full_name;
  SIMPLEX_TRY(store_.transaction([&] { return store_.add_user(agent_user, profile); }));
  SIMPLEX_ASSIGN(user_, store_.user());
  return {};
}

void ChatSession::start(HappeningHandler handler) {
  handler_ = std::move(handler);
  agent_->start([this](const agent::Event& event) { on_event(event); });
  hand_over(ChatStore::Outgoing::all);
  resume_goodbyes();
}

void ChatSession::stop() {
  agent_->stop();
  retry_events_.cancel();
  retry_hand_over_.cancel();
  waiting_answers_.clear();
  waiting_events_.clear();
  alive_ = std::make_shared<bool>(true);  // answers that were posted go nowhere
}

}  // namespace simplex::chat
