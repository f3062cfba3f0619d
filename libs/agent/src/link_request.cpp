#include "link_request.hpp"

namespace simplex::agent {

Result<protocol::ShortLink> with_whole_server(protocol::ShortLink link, const Core& core, UserId user) {
  std::vector<protocol::ServerAddress> known;
  for (const auto& own : core.servers.of(user)) known.push_back(own.server.address);
  link = protocol::restore(std::move(link), known);
  if (link.server.key_hash.size() == transport::KeyHash::size_bytes) return link;
  return fail(ErrorKind::unsupported,
              "The link names its relay by its host alone, and this program does not know that relay: ask for the "
              "full link.",
              Advice::ask_user);
}

Result<LinkRequestKey> link_request_key(Core& core, const protocol::ShortLink& link) {
  if (!link.is_invitation()) return LinkRequestKey{};
  SIMPLEX_ASSIGN(auto stored, core.links.sender_key(link));
  if (stored) return LinkRequestKey{std::move(stored), false};
  auto made = crypto::generate_ed25519(core.dependencies.random).private_key;
  SIMPLEX_TRY(core.links.insert_sender_key(link, made, core.now()));
  return LinkRequestKey{std::move(made), true};
}

Result<protocol::LinkContents> open_answer(const protocol::ShortLink& link, const smp::broker::Lnk& answer) {
  return protocol::open_link(link, answer.sender_id, answer.data.fixed.bytes, answer.data.user.bytes);
}

Result<> check_link_data(BytesView link_data) {
  if (link_data.size() <= max_link_data) return {};
  return fail(ErrorKind::limit, "What the short link is to show (the profile) is too long.", Advice::ask_user);
}

Error explained_link(const smp::client::Failure& failure) {
  if (failure.is<smp::errors::Auth>()) {
    return {ErrorKind::authentication,
            "The link leads nowhere any more: somebody else has used it, or its maker has deleted it. Ask for a new "
            "link.",
            Advice::ask_user};
  }
  if (failure.kind == smp::client::Failure::Kind::version) {
    return {ErrorKind::version, "The relay of this link is too old for short links: ask for the full link.",
            Advice::ask_user};
  }
  return failure.error;
}

}  // namespace simplex::agent
