using EnvPlatform.Scanner.Mapping;

namespace EnvPlatform.Scanner.Tests.Mapping;

/// <summary>The table of repositories, and versions from tags.</summary>
public sealed class GitProjectsTests
{
    [TestCase("https://github.com/python/cpython", "v3.9.1", "3.9.1")]
    [TestCase("https://github.com/python/cpython.git", "v3.12.0rc2", "3.12.0rc2")]
    [TestCase("git://github.com/curl/curl.git/", "curl-7_85_0", "7.85.0")]
    [TestCase("https://github.com/curl/curl.git", "8.6.0", "8.6.0")]
    [TestCase("https://github.com/openssl/openssl", "openssl-3.0.7", "3.0.7")]
    [TestCase("https://github.com/openssl/openssl", "OpenSSL_1_1_1k", "1.1.1k")]
    [TestCase("https://github.com/libexpat/libexpat", "R_2_4_1", "2.4.1")]
    [TestCase("https://gitlab.freedesktop.org/freetype/freetype", "VER-2-13-2", "2.13.2")]
    [TestCase("https://github.com/postgres/postgres", "REL_15_1", "15.1")]
    [TestCase("https://github.com/postgres/postgres", "REL9_6_24", "9.6.24")]
    [TestCase("https://github.com/Ruby/Ruby", "v3_1_2", "3.1.2")]
    public void A_tag_is_a_version(string repository, string tag, string version) =>
        Assert.That(GitProjects.BuiltIn.Find(repository)?.VersionOf(tag), Is.EqualTo(version));

    [TestCase("https://github.com/python/cpython", "legacy-trunk")]
    [TestCase("https://github.com/openssl/openssl", "OpenSSL-fips-2_0_9")]
    [TestCase("https://github.com/openssl/openssl", "openssl-")]
    [TestCase("https://github.com/curl/curl", "")]
    public void A_tag_of_another_kind_is_none(string repository, string tag) =>
        Assert.That(GitProjects.BuiltIn.Find(repository)!.VersionOf(tag), Is.Null);

    [TestCase("https://github.com/somebody/cpython")]
    [TestCase("github.com/python/cpython/tree")]
    [TestCase("")]
    [TestCase(".git")]
    public void Another_repository_is_nobody_s(string repository) => Assert.That(GitProjects.BuiltIn.Find(repository), Is.Null);

    [Test]
    public void Every_project_is_one_that_the_mapping_leads_to()
    {
        var reachable = CondaNames.BuiltIn.Entries.Where(entry => entry.Native is not null).Select(entry => entry.Native).ToHashSet();
        Assert.That(GitProjects.BuiltIn.Entries.Where(entry => !reachable.Contains(entry.Native)), Is.Empty);
        Assert.That(GitProjects.BuiltIn.Entries.Select(entry => entry.Native), Is.Unique.And.Ordered);
    }
}
