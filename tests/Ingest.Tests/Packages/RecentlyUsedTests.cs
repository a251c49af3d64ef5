using EnvPlatform.Ingest.Packages;

namespace EnvPlatform.Ingest.Tests.Packages;

public sealed class RecentlyUsedTests
{
    [Test]
    public void What_is_used_stays_and_what_is_not_is_forgotten()
    {
        var recently = new RecentlyUsed<int, int>(1_000);
        recently.Add(-1, 7);
        for (var i = 0; i < 100_000; i++)
        {
            recently.Add(i, i);
            if (i % 100 == 0)
            {
                Assert.That(recently.TryGet(-1, out var kept) ? kept : 0, Is.EqualTo(7), $"used all the time, after {i}");
            }
        }

        Assert.That(Enumerable.Range(0, 100_000).Count(i => recently.TryGet(i, out _)), Is.InRange(250, 1_000));
    }

    [Test]
    public void Many_threads_read_what_was_added()
    {
        var recently = new RecentlyUsed<int, string>(200);
        var wrong = 0;
        Parallel.For(0, 200_000, i =>
        {
            var key = i % 5_000;
            if (recently.TryGet(key, out var value) && value != $"{key}")
            {
                Interlocked.Increment(ref wrong);
            }

            recently.Add(key, $"{key}");
        });
        Assert.That(wrong, Is.Zero);
    }
}
