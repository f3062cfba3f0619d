// The one implementation of Chat. session.cpp opens and stops it, commands.cpp answers the user, reception.cpp stores
// what the agent tells.
#pragma once

#include <deque>
#include <map>

#include "simplex/agent/agent.hpp"
#include "chat_store.hpp"

namespace simplex::chat {

class ChatSession final : public Chat {
 public:
  ChatSession(agent::Dependencies dependencies, ChatStore store, std::unique_ptr<agent::Agent> agent, bool has_relays,
              bool post_quantum, std::optional<UserRow> user, agent::EventId last_event);

  [[nodiscard]] bool has_user() const override { return user_.has_value(); }
  Result<> create_user(std::string_view display_name, std::string_view full_name) override;
  void start(HappeningHandler handler) override;
  void stop() override;
  void execute(Command command, AnswerHandler answer) override;

 private:
  // ---- commands.cpp ----
  struct WaitingAnswer {
    AnswerHandler answer;
    async::Timer patience;
  };
  void answer_later(AnswerHandler answer, Result<Answer> value);
  void wait_for(const agent::ConnectionId& connection, AnswerHandler answer);
  // The answer that waits for this connection, if the user still waits.
  [[nodiscard]] std::optional<AnswerHandler> taken_answer(const agent::ConnectionId& connection);
  [[nodiscard]] Result<agent::ConnectionId> begin_connection(bool initiated);
  void run(command::CreateInvitation, AnswerHandler answer);
  void run(const command::Connect& connect, AnswerHandler answer);
  [[nodiscard]] Result<Answer> run(const command::SendMessage& send);
  [[nodiscard]] Result<Answer> run(const command::ShowHistory& show);
  [[nodiscard]] Result<Answer> run(const command::DeleteContact& remove);
  [[nodiscard]] Result<Contact> named_contact(std::string_view name);
  // Of a connection that is closing: tells the peer, or deletes it when there is nobody to tell.
  [[nodiscard]] Result<> say_goodbye(const agent::ConnectionId& connection);
  void resume_goodbyes();
  [[nodiscard]] Bytes own_info(bool post_quantum) const;
  [[nodiscard]] std::string outgoing_text(Event event, const SharedMessageId& id) const;
  [[nodiscard]] SharedMessageId new_shared_id();
  // Gives items to the agent, in order; again in a while when it cannot take them.
  void hand_over(ChatStore::Outgoing which);
  [[nodiscard]] Result<> hand_over_one(const OutgoingItem& item);

  // ---- reception.cpp ----
  // What is done when the transaction that stored an event is committed.
  struct Aftermath {
    std::vector<Happening> happenings;
    std::vector<agent::ConnectionId> to_delete;
  };
  void on_event(const agent::Event& event);
  void store_waiting_events();
  [[nodiscard]] Result<> store_event(const agent::Event& event);
  void finish(const agent::Event& event);  // tells the agent that the event is stored; repeatable
  [[nodiscard]] Result<> apply(const agent::EventBody& body, Aftermath& after);
  [[nodiscard]] Result<> apply(const agent::ConfirmationReceived& event, Aftermath& after);
  [[nodiscard]] Result<> apply(const agent::PeerInfoReceived& event, Aftermath& after);
  [[nodiscard]] Result<> apply(const agent::Connected& event, Aftermath& after);
  [[nodiscard]] Result<> apply(const agent::MessageReceived& event, Aftermath& after);
  [[nodiscard]] Result<> apply(const agent::MessageSent& event, Aftermath& after);
  [[nodiscard]] Result<> apply(const agent::MessageFailed& event, Aftermath& after);
  [[nodiscard]] Result<std::optional<Item>> settle_item(const agent::ConnectionId& connection, agent::MessageId message,
                                                        ItemStatus status, Aftermath& after);
  [[nodiscard]] Result<> apply(const agent::ConnectionFailed& event, Aftermath& after);
  [[nodiscard]] Result<> apply(const agent::ReceptionFailed& event, Aftermath& after);
  [[nodiscard]] Result<Contact> contact_from_info(const ConnectionRow& connection, BytesView info);
  [[nodiscard]] Result<> receive_element(const Contact& contact, const ConnectionRow& connection,
                                         const Element& element, const agent::MessageReceived& event, Aftermath& after);
  [[nodiscard]] Result<> add_notice(const Contact& contact, std::string text, Aftermath& after);
  [[nodiscard]] Result<std::optional<Contact>> contact_of(const agent::ConnectionId& connection);
  void tell(const Happening& happening);
  void tell_or_answer(const agent::ConnectionId& connection, Answer answer, const Happening& happening);

  async::Loop& loop_;
  Random& random_;
  Logger& log_;
  ChatStore store_;
  std::unique_ptr<agent::Agent> agent_;
  const bool has_relays_;
  const bool post_quantum_;
  std::optional<UserRow> user_;
  agent::EventId last_event_;
  HappeningHandler handler_;
  std::deque<agent::Event> waiting_events_;
  async::Timer retry_events_;
  async::Timer retry_hand_over_;
  std::map<agent::ConnectionId, WaitingAnswer> waiting_answers_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // guards what was posted to the loop
};

}  // namespace simplex::chat
