using System.Globalization;

using EnvPlatform.Scanner.Fuzzing;
using EnvPlatform.Testing;

namespace EnvPlatform.Scanner.Tests;

/// <summary>
/// A hundred thousand damaged inputs for each parser: each gives an answer or the one declared exception, and the answers have the promised
/// properties. <c>ENVPLATFORM_FUZZ_SEED</c> and <c>ENVPLATFORM_FUZZ_INPUTS</c> set another seed and number; <c>bench/Fuzz</c> runs for
/// longer.
/// </summary>
[TestFixtureSource(typeof(FuzzTargets), nameof(FuzzTargets.Names))]
public sealed class FuzzTests(string parser)
{
    private const int Small = 512;
    private const int Times = 8;

    // For one-time allocations, and buffers that double.
    private const double Tolerance = 2;
    private const long Fixed = 1 << 20;

    private static readonly Lazy<FuzzCorpus> Corpus = new(() => FuzzCorpus.Read(TestData.Folder));
    private readonly FuzzTarget _target = FuzzTargets.Of(parser, Corpus.Value);

    [Test]
    public void Whatever_it_is_given_it_answers_as_it_promises()
    {
        var seed = Setting("SEED", 1);
        var result = FuzzRun.Run(_target, Setting("INPUTS", 100_000), seed);
        TestContext.Out.WriteLine($"{_target.Name}: seed {seed}, {result.Inputs} inputs, {result.Accepted} accepted");
        Assert.That(result.Failure, Is.Null, $"Input {result.Failure?.Number} of seed {seed}");
        Assert.That(result.Accepted, Is.GreaterThan(0).And.LessThan(result.Inputs));
    }

    [Test]
    public void Memory_grows_no_faster_than_the_input()
    {
        foreach (var shape in _target.Shapes)
        {
            var (small, large) = (Allocated(shape.Of(Small)), Allocated(shape.Of(Small * Times)));
            Assert.That(large, Is.LessThan((small * Times * Tolerance) + Fixed), shape.Name);
        }
    }

    private long Allocated(string input)
    {
        _target.CheckFully(input);
        var before = GC.GetAllocatedBytesForCurrentThread();
        _target.CheckFully(input);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static int Setting(string name, int otherwise) =>
        Environment.GetEnvironmentVariable("ENVPLATFORM_FUZZ_" + name) is { Length: > 0 } text
            ? int.Parse(text, CultureInfo.InvariantCulture)
            : otherwise;
}
