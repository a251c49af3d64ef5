using System.Text.Json;

using EnvPlatform.Scanner.Mapping;

namespace EnvPlatform.Scanner.Tests.Mapping;

/// <summary>Which channels are known, under which names.</summary>
public sealed class CondaChannelsTests
{
    [TestCase("conda-forge", "conda-forge")]
    [TestCase("Conda-Forge", "conda-forge")]
    [TestCase("conda-forge/label/gcc7", "conda-forge")]
    [TestCase("https://conda.anaconda.org/conda-forge", "conda-forge")]
    [TestCase("https://conda.anaconda.org/conda-forge/label/gcc7", "conda-forge")]
    [TestCase("https://repo.anaconda.com/pkgs/main/", "pkgs/main")]
    [TestCase("https://prefix.dev/conda-forge", "conda-forge")]
    [TestCase("qiime2/label/r2017.10", "qiime2")]
    public void A_known_channel_goes_by_one_name(string channel, string name) =>
        Assert.That(CondaChannels.BuiltIn.Find(channel), Is.EqualTo(new KnownChannel(name, true)));

    [TestCase("somebody")]
    [TestCase("/tmp/local-pkgs")]
    [TestCase("file:///srv/channel")]
    [TestCase("https://conda.example.org/conda-forge")]
    [TestCase("https://conda.anaconda.org/somebody")]
    [TestCase("conda-forge2")]
    public void Any_other_is_not_known(string channel) => Assert.That(CondaChannels.BuiltIn.Find(channel).IsKnown, Is.False);

    [TestCase(null)]
    [TestCase("")]
    public void A_log_that_names_no_channel_means_a_known_one(string? channel) =>
        Assert.That(CondaChannels.BuiltIn.Find(channel), Is.EqualTo(new KnownChannel(null, true)));

    [TestCase("https://conda.example.org/cf")]
    [TestCase("https://conda.example.org/cf/")]
    [TestCase("https://conda.example.org/cf/label/main")]
    public void A_declared_mirror_is_the_channel_that_it_mirrors(string channel)
    {
        var channels = CondaChannels.BuiltIn.With([new("https://conda.example.org/cf/", "conda-forge")]);
        Assert.That(channels.Find(channel), Is.EqualTo(new KnownChannel("conda-forge", true)));
        Assert.That(channels.Find("bioconda").IsKnown, Is.True);
    }

    [TestCase("""{ "hosts": [], "channels": [{ "channel": "x" }], "mirrors": [] }""")]
    [TestCase("""{ "hosts": [], "channels": [] }""")]
    [TestCase("""{ "hosts": [], "channels": [{ "channel": "x", "why": "y", "because": "z" }], "mirrors": [] }""")]
    public void A_list_that_leaves_something_out_is_refused(string json)
    {
        using var stream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(json));
        Assert.That(() => CondaChannels.Read(stream), Throws.InstanceOf<JsonException>());
    }
}
