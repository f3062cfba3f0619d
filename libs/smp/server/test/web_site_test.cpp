// The pages of a relay's web site, as a browser gets them.
#include "simplex/smp/server/web_site.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>

namespace simplex::smp::server {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Site : public ::testing::Test {
 protected:
  Site() {
    folder_ = fs::temp_directory_path() / ("simplex-site-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~Site() override { fs::remove_all(folder_); }

  void write(const fs::path& name, std::string_view text) {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  static server_kit::HttpResponse get(const WebSite& site, std::string path) {
    server_kit::HttpRequest request;
    request.path = std::move(path);
    return site.respond(request);
  }
  static std::string page(const WebSite& site, std::string path) {
    const auto response = get(site, std::move(path));
    EXPECT_EQ(response.status, 200U);
    return response.body ? *response.body : std::string();
  }

  fs::path folder_;
};

TEST_F(Site, TellsWhatTheOperatorTells) {
  SiteSettings settings;
  auto& told = settings.information;
  told.source_code = "https://example.org/source";
  told.operator_name = "Tom & <b>Jerry</b>";
  told.operator_country = "CH";
  told.website = "javascript:alert(1)";
  told.admin.simplex = "simplex:/a#key";
  told.admin.email = "admin@example.org";
  told.complaints.pgp = "https://example.org/key";
  told.complaints.pgp_fingerprint = "0123 4567";
  told.hosting_type = "virtual";
  settings.configuration.message_ttl = std::chrono::days(21);
  settings.configuration.persistence = PublicConfiguration::Persistence::messages;
  settings.configuration.new_queues = false;
  settings.onion_host = "abc.onion";
  const WebSite site(std::move(settings));
  const auto text = page(site, "/");
  for (const auto* part :
       {"Tom &amp; &lt;b&gt;Jerry&lt;/b&gt; (CH)", "<dd>javascript:alert(1)</dd>", "href=\"simplex:/a#key\"",
        "href=\"mailto:admin@example.org\"", "href=\"https://example.org/key\" rel=\"noopener\">0123 4567</a>",
        "<dd>Virtual</dd>", "After 21 days", "Queues and undelivered messages", "Cannot be created",
        "content=\"http://abc.onion\"", "Version "}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_THAT(text, Not(HasSubstr("{{")));
  EXPECT_THAT(text, Not(HasSubstr("Complaints and feedback</dt>\n<dd><ul><li>SimpleX")));
  EXPECT_EQ(page(site, "/index.html"), text);
}

TEST_F(Site, WithoutInformationItAsksForTheSourceCode) {
  EXPECT_THAT(page(WebSite({}), "/"), HasSubstr("AGPLv3"));
  EXPECT_THAT(page(WebSite({}), "/"), HasSubstr("<dd>Never</dd>"));
}

TEST_F(Site, LinksOfAllKindsHaveTheirPage) {
  const WebSite site({});
  for (const auto* kind : {"contact", "invitation", "a", "c", "g", "r", "i"}) {
    for (const auto& path : {std::string("/") + kind, std::string("/") + kind + "/"}) {
      EXPECT_THAT(page(site, path), HasSubstr("/media/link.js"));
    }
  }
  EXPECT_EQ(get(site, "/x").status, 404U);
  EXPECT_EQ(get(site, "/link.html").status, 404U);
}

TEST_F(Site, PagesAskNobodyElseAndMayNotBeChanged) {
  const WebSite site({});
  const auto response = get(site, "/a");
  const auto policy =
      std::ranges::find(response.fields, "Content-Security-Policy", &std::pair<std::string, std::string>::first);
  ASSERT_NE(policy, response.fields.end());
  EXPECT_THAT(policy->second, StartsWith("default-src 'none'"));
  EXPECT_THAT(policy->second, Not(HasSubstr("unsafe")));
  for (const auto* path : {"/", "/a"}) {
    const auto text = page(site, path);
    for (const auto* part :
         {"<script>", "style=", "onclick", "src=\"http", "<iframe", "<link rel=\"stylesheet\" href=\"http"}) {
      EXPECT_THAT(text, Not(HasSubstr(part))) << path;
    }
  }
  EXPECT_EQ(get(site, "/media/link.js").content_type, "text/javascript");
  EXPECT_EQ(get(site, "/media/uqr.mjs").content_type, "text/javascript");
  EXPECT_EQ(get(site, "/media/style.css").content_type, "text/css; charset=utf-8");
  EXPECT_FALSE(get(site, "/media/style.css").etag.empty());
}

TEST_F(Site, AppsLearnWhichLinksAreTheirs) {
  const WebSite site({});
  const auto apple = get(site, "/.well-known/apple-app-site-association");
  EXPECT_EQ(apple.content_type, "application/json");
  EXPECT_THAT(*apple.body, HasSubstr("\"5NN7GUYB6T.chat.simplex.app\""));
  EXPECT_THAT(page(site, "/.well-known/assetlinks.json"), HasSubstr("\"chat.simplex.app\""));
}

TEST_F(Site, FilesOfTheFolderAreServedAndThoseInOverrideTakeOver) {
  write("extra.txt", "extra");
  write("docs/index.html", "docs");
  write("index.html", "what the Haskell relay left here");
  write("override/a/index.html", "another page");
  write(".hidden", "secret");
  write("docs/.hidden", "secret");
  write("well-known/security.txt", "contact");
  std::ofstream(folder_.string() + "-outside") << "outside";
  fs::create_symlink(folder_.string() + "-outside", folder_ / "link.txt");
  fs::create_directory_symlink("/etc", folder_ / "etc");
  const WebSite site({.information = {}, .configuration = {}, .onion_host = {}, .folder = folder_});
  EXPECT_EQ(page(site, "/extra.txt"), "extra");
  EXPECT_EQ(get(site, "/extra.txt").content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(page(site, "/docs"), "docs");
  EXPECT_EQ(page(site, "/docs/"), "docs");
  EXPECT_THAT(page(site, "/"), HasSubstr("message relay"));
  EXPECT_EQ(page(site, "/a"), "another page");
  EXPECT_EQ(page(site, "/.well-known/security.txt"), "contact");
  for (const auto* path : {"/.hidden", "/docs/.hidden", "/link.txt", "/etc/passwd", "/override/a/index.html", "/none",
                           "/override", "/extra.txt/more"}) {
    EXPECT_EQ(get(site, path).status, 404U) << path;
  }
  fs::remove(folder_.string() + "-outside");
}

TEST_F(Site, IsWrittenForOtherWebServers) {
  write("extra.txt", "extra");
  const WebSite site({});
  ASSERT_TRUE(site.write(folder_));
  ASSERT_TRUE(site.write(folder_));
  for (const auto* name : {"index.html", "a/index.html", "contact/index.html", "media/link.js", "media/uqr.mjs",
                           "well-known/apple-app-site-association", "extra.txt"}) {
    EXPECT_TRUE(fs::exists(folder_ / name)) << name;
  }
  EXPECT_FALSE(site.write("/proc/no-such-folder"));
}

TEST(DurationText, IsForPeople) {
  using namespace std::chrono_literals;
  EXPECT_EQ(duration_text(0s), "0 seconds");
  EXPECT_EQ(duration_text(90s), "1 minute 30 seconds");
  EXPECT_EQ(duration_text(90'061s), "1 day 1 hour 1 minute 1 second");
  EXPECT_EQ(duration_text(std::chrono::days(21)), "21 days");
  EXPECT_EQ(duration_text(std::chrono::days(45)), "1 month 15 days");
}

}  // namespace
}  // namespace simplex::smp::server
