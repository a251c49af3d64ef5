using EnvPlatform.Conda;
using EnvPlatform.Scanner.Matching.Versions;

using FsCheck;
using FsCheck.Fluent;

namespace EnvPlatform.Scanner.Tests.Matching.Versions;

/// <summary>Every scheme is a total order whose equal versions have equal hashes.</summary>
[TestFixture(TypeArgs = [typeof(Pep440Version)])]
[TestFixture(TypeArgs = [typeof(CondaVersion)])]
[TestFixture(TypeArgs = [typeof(OpenSslVersion)])]
[TestFixture(TypeArgs = [typeof(CranVersion)])]
[TestFixture(TypeArgs = [typeof(SemVersion)])]
[TestFixture(TypeArgs = [typeof(GenericVersion)])]
public sealed class VersionPropertyTests<T>
    where T : struct, IVersion<T>
{
    // Few pieces, so that many versions are equal or differ in one place only.
    private static readonly string[] Pieces =
        [
            "0", "0", "1", "1", "01", "2", "10", "1048575", "1048576", "99999999999999999999", ".", ".", ".", "-", "_", "+", "1!", "a", "b",
            "c", "rc", "alpha", "beta", "pre", "dev", "post", "r", "z", "za", "*", "v"
        ];

    private static readonly string[] Starts = ["", "1", "1.0", "1.0.0", "1.1.1", "0.0.1", "1.2.3-", "1.0.0-", "1.0.0-pre"];

    private static readonly Gen<T> Versions =
        from start in Gen.Elements(Starts)
        from length in Gen.Choose(0, 5)
        from rest in Gen.ArrayOf(Gen.Elements(Pieces), length)
        let text = start + string.Concat(rest)
        where T.TryParse(text, out _)
        select Parse(text);

    [Test]
    public void It_is_reflexive_symmetric_and_transitive() =>
        Check(from a in Versions from b in Versions from c in Versions select (a, b, c), sample =>
        {
            var (a, b, c) = sample;
            return a.CompareTo(a) == 0
                && Math.Sign(a.CompareTo(b)) == -Math.Sign(b.CompareTo(a))
                && (a.CompareTo(b) > 0 || b.CompareTo(c) > 0 || a.CompareTo(c) <= 0)
                && (a.CompareTo(b) != 0 || Math.Sign(a.CompareTo(c)) == Math.Sign(b.CompareTo(c)));
        });

    [Test]
    public void Equal_versions_have_equal_hashes() =>
        Check(from a in Versions from b in Versions select (a, b), sample =>
            sample.a.Equals(sample.b) == (sample.a.CompareTo(sample.b) == 0)
                && (!sample.a.Equals(sample.b) || sample.a.GetHashCode() == sample.b.GetHashCode()));

    [Test]
    public void A_version_is_equal_to_what_its_text_says() =>
        Check(Versions, version => T.TryParse(version.Text, out var again) && again.Equals(version));

    [TestCase(null)]
    [TestCase("")]
    [TestCase("\0")]
    [TestCase("1.0\n2.0")]
    [TestCase("٣.١")]
    [TestCase(">=1.0")]
    public void Is_no_version(string? text) => Assert.That(T.TryParse(text, out _), Is.False);

    [Test]
    [CancelAfter(60_000)]
    public void A_text_of_millions_of_characters_takes_no_longer_than_reading_it()
    {
        string[] texts = [new('1', 2_000_000), string.Concat(Enumerable.Repeat("1.", 1_000_000))
            + "1", string.Concat(Enumerable.Repeat("1a", 1_000_000)), new('a', 2_000_000), new('-', 2_000_000)];
        foreach (var text in texts)
        {
            if (T.TryParse(text, out var version))
            {
                Assert.That(version.CompareTo(Parse(text)), Is.Zero);
            }
        }
    }

    [Test]
    public void Comparing_allocates_nothing()
    {
        var sample = Gen.Sample(Versions, 500);
        var order = 0;
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var a in sample)
        {
            for (var i = 0; i < sample.Length; i++)
            {
                order += a.CompareTo(sample[i]);
            }
        }

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(order, Is.Not.EqualTo(int.MinValue));
    }

    private static T Parse(string text) => T.TryParse(text, out var version) ? version : throw new InvalidOperationException(text);

    private static void Check<TSample>(Gen<TSample> samples, Func<TSample, bool> property) =>
        Prop.ForAll(samples.ToArbitrary(), property).Check(Config.QuickThrowOnFailure.WithMaxTest(5_000));
}
