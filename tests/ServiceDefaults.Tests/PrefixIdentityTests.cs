using EnvPlatform.ServiceDefaults.Prefixes;

using FsCheck;
using FsCheck.Fluent;

namespace EnvPlatform.ServiceDefaults.Tests;

public sealed class PrefixIdentityTests
{
    [TestCase("win-64", @"C:\envs\Blk", @"c:\envs\blk")]
    [TestCase("win-64", @"C:\envs\blk", "C:/envs/blk")]
    [TestCase("win-64", @"C:\envs\blk", @"C:\envs\blk\")]
    [TestCase("win-64", @"C:\envs\blk", @"C:\\envs\\blk\\")]
    [TestCase("win-64", @"C:\envs\blk", @"\\?\C:\envs\blk")]
    [TestCase("win-64", @"C:\envs\blk", @"//?/c:/envs/blk")]
    [TestCase("win-64", @"C:\envs\blk", @"C:\envs\blk. .")]
    [TestCase("win-64", @"C:\envs\blk", @"C:\envs\other\..\.\blk")]
    [TestCase("win-64", @"\\server\share\envs\blk", @"\\?\UNC\SERVER\share\envs\BLK")]
    [TestCase("win-64", @"C:\envs\Bücher", @"C:\envs\BÜCHER")]
    [TestCase("linux-64", @"C:\envs\blk", @"c:/ENVS/blk/")]
    [TestCase("osx-arm64", "/Users/ann/envs/blk", "/users/Ann/envs/BLK")]
    [TestCase("osx-64", "/Users/ann/envs/b\u00FCcher", "/Users/ann/envs/bu\u0308cher")]
    [TestCase("osx-64", "/Users/ann/envs/\u1E9B\u0323", "/Users/ann/envs/\u017F\u0323\u0307")]
    [TestCase("osx-64", "/Users/ann/envs/\uAC01", "/Users/ann/envs/\u1100\u1161\u11A8")]
    [TestCase("osx-64", "/Users/ann/envs/blk", "/Users/ann/envs/blk/")]
    [TestCase("linux-64", "/home/ann/envs/blk", "/home/ann/envs/blk/")]
    [TestCase("linux-64", "/home/ann/envs/blk", "//home/ann//envs/blk///")]
    [TestCase("linux-64", "/home/ann/envs/blk", "/home/ann/./envs/x/../blk/.")]
    [TestCase("linux-64", "/", "/..")]
    public void Spellings_of_one_folder_are_one(string platform, string one, string other)
    {
        Assert.That(PrefixIdentity.Of(other, platform), Is.EqualTo(PrefixIdentity.Of(one, platform)));
        Assert.That(PrefixIdentity.FoldedDigest(other), Is.EqualTo(PrefixIdentity.FoldedDigest(one)));
    }

    [TestCase("linux-64", "/home/ann/envs/blk", "/home/ann/envs/Blk")]
    [TestCase("linux-64", "/home/ann/envs/b\u00FCcher", "/home/ann/envs/bu\u0308cher")]
    [TestCase("linux-64", "/home/ann/envs/blk", "/home/ann/envs/blk ")]
    [TestCase("linux-64", "/home/ann/envs/blk", "/home/ann/envs/blk.")]
    [TestCase("linux-64", @"/home/ann/envs\blk", "/home/ann/envs/blk")]
    [TestCase("win-64", @"C:\envs\blk", @"D:\envs\blk")]
    [TestCase("win-64", @"C:\envs\b\u00FC", @"C:\envs\bu\u0308")]
    [TestCase("win-64", @"C:\envs\blk", @"C:\envs\.blk")]
    [TestCase("osx-64", "/Users/ann/envs/blk", "/Users/ann/envs/blk2")]
    [TestCase("osx-64", "/Users/ann/envs/stra\u00DFe", "/Users/ann/envs/strasse2")]
    public void Two_folders_are_two(string platform, string one, string other) =>
        Assert.That(PrefixIdentity.Of(other, platform), Is.Not.EqualTo(PrefixIdentity.Of(one, platform)));

    /// <summary>An exact form and a folded form of the same text never meet.</summary>
    [Test]
    public void The_rules_are_part_of_the_identity() =>
        Assert.That(PrefixIdentity.Of("/ENVS/X", "linux-64"), Is.Not.EqualTo(PrefixIdentity.Of("/ENVS/X", "osx-64")));

    [Test]
    public void Half_a_surrogate_pair_is_no_fault() =>
        Assert.That(PrefixIdentity.Of("/x/\uD83D", "osx-64"), Is.EqualTo(PrefixIdentity.Of("/X/\uD83D", "osx-64")));

    /// <summary>Forms of a text do not pile up: a form of a form is the form.</summary>
    [Test]
    public void A_form_of_a_form_is_the_form() =>
        Prop.ForAll(ArbMap.Default.ArbFor<NonNull<string>[]>(), segments =>
        {
            var path = "/" + string.Join('/', segments.Select(segment => segment.Get));
            return PrefixIdentity.Exact(PrefixIdentity.Exact(path)) == PrefixIdentity.Exact(path)
                && PrefixIdentity.Folded(PrefixIdentity.Folded(path)) == PrefixIdentity.Folded(path)
                && PrefixIdentity.Folded(PrefixIdentity.Exact(path)) == PrefixIdentity.Folded(path);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000));
}
