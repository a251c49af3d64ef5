using System.Diagnostics;

using EnvPlatform.Scanner.Upgrades;

namespace EnvPlatform.Scanner.Tests.Upgrades;

/// <summary>The commands that a member can paste, into the shell of the platform.</summary>
public sealed class UpgradeCommandsTests
{
    private static readonly Upgrade[] Both =
    [
        new("conda", "openssl", "1.1.1k", "1.1.1n", "openssl>=1.1.1n,<1.2", [], []),
        new("conda", "numpy", "1.21", "1.22", "numpy>=1.22", [], []),
        new("pypi", "requests", "2.25", "2.31.0", "requests>=2.31.0", [], []),
    ];

    [Test]
    public void Conda_comes_first_and_pip_works_in_the_environment() =>
        Assert.That(Texts(Both, new("/opt/envs/science", "science", "linux-64")), Is.EqualTo(new[]
        {
            "posix: conda install --prefix /opt/envs/science 'openssl>=1.1.1n,<1.2' 'numpy>=1.22'",
            "posix: conda run --prefix /opt/envs/science python -m pip install --upgrade 'requests>=2.31.0'",
        }));

    [TestCase(null, "science", "--name science ")]
    [TestCase("", "science", "--name science ")]
    [TestCase("/home/ada/science.yml", "science", "--name science ", Description = "the log was of a file")]
    [TestCase("/home/ada/lock.yml#linux-64", "lock-linux-64", "--name lock-linux-64 ")]
    [TestCase(null, "/home/ada/envs/demo", "--prefix /home/ada/envs/demo ", Description = "conda refuses a path as a name")]
    [TestCase("/home/ada/science.yml", "/home/ada/envs/demo", "--prefix /home/ada/envs/demo ")]
    [TestCase(null, "a name", "", Description = "conda refuses blanks, colons, hashes and slashes in a name")]
    [TestCase(null, "user/demo", "")]
    [TestCase("/home/ada/a\nb", "science", "--name science ")]
    [TestCase(null, "-x", "")]
    [TestCase(null, null, "")]
    [TestCase("/home/ada/it's here", null, @"--prefix '/home/ada/it'\''s here' ")]
    [TestCase("/home/$(touch x)/`y`", null, "--prefix '/home/$(touch x)/`y`' ")]
    public void The_environment_is_named_by_its_prefix_where_that_is_known(string? prefix, string? name, string options) =>
        Assert.That(Texts(Both[1..2], new(prefix, name, "linux-64")), Is.EqualTo(new[] { $"posix: conda install {options}'numpy>=1.22'" }));

    [Test]
    public void Without_an_environment_it_is_the_active_one() =>
        Assert.That(
            Texts(Both[2..], new(null, null, null)), Is.EqualTo(new[] { "posix: python -m pip install --upgrade 'requests>=2.31.0'" }));

    [TestCase(@"C:\Users\Ada Byron\envs\science",
        @"windows: conda install --prefix ""C:\Users\Ada Byron\envs\science"" ""openssl>=1.1.1n,<1.2""")]
    [TestCase(@"C:\envs\science\", @"windows: conda install --prefix C:\envs\science ""openssl>=1.1.1n,<1.2""")]
    [TestCase(@"C:\envs\50%", @"powershell: conda install --prefix 'C:\envs\50%' 'openssl>=1.1.1n,<1.2'")]
    [TestCase(@"C:\Ada's $envs", @"powershell: conda install --prefix 'C:\Ada''s $envs' 'openssl>=1.1.1n,<1.2'")]
    public void On_Windows_it_is_quoted_for_both_shells_or_else_for_PowerShell(string prefix, string command)
    {
        Assert.That(Texts(Both[..1], new(prefix, "science", "win-64")), Is.EqualTo(new[] { command }));
        Assert.That(
            Texts(Both[..1], new(prefix, "science", null)), Is.EqualTo(new[] { command }), "the prefix says what the platform does not");
    }

    [TestCase(new[] { "pkgs/main", "defaults", "https://repo.example.org/private", "bad name" }, "")]
    [TestCase(new[] { "bioconda", "conda-forge", "conda-forge" }, "--channel conda-forge --channel bioconda ")]
    public void Channels_that_everybody_can_reach_are_asked_again(string[] channels, string options) =>
        Assert.That(UpgradeCommands.Of(Both[1..2], new("/p", null, "osx-arm64"), channels).Single().Command,
            Is.EqualTo($"conda install --prefix /p {options}'numpy>=1.22'"));

    [Test]
    public void A_shell_takes_each_word_as_it_is()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Ignore("There is no POSIX shell.");
        }

        string[] words =
        [
            "plain", "a b", "it's", "$(x) `y` $HOME", "\\", "a\\'b", "\"", "*?[x]", "a>=1,<2|>3;&", "~", "#", "!", "", "é\u2018", "'"
        ];
        var (shell, command) = ShellWords.Join(["printf", "%s\\0", .. words], isWindows: false);
        using var sh = Process.Start(
            new ProcessStartInfo("sh", ["-c", command]) { RedirectStandardOutput = true, UseShellExecute = false })!;
        var output = sh.StandardOutput.ReadToEnd();
        sh.WaitForExit();
        Assert.That(shell, Is.EqualTo("posix"));
        Assert.That(output.Split('\0')[..^1], Is.EqualTo(words));
    }

    private static string[] Texts(Upgrade[] upgrades, UpgradeTarget target) =>
        [.. UpgradeCommands.Of(upgrades, target, []).Select(command => $"{command.Shell}: {command.Command}")];
}
