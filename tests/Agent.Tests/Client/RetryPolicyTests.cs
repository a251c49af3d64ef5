using System.Net;

using EnvPlatform.Agent.Client;

namespace EnvPlatform.Agent.Tests.Client;

public sealed class RetryPolicyTests
{
    [TestCase(429, null, "Busy")]
    [TestCase(502, null, "Busy")]
    [TestCase(503, null, "Busy")]
    [TestCase(504, null, "Busy")]
    [TestCase(409, "idempotent_request_running", "Running")]
    [TestCase(409, "packages_required", "Lasting")]
    [TestCase(401, null, "Lasting")]
    [TestCase(404, null, "Lasting")]
    [TestCase(500, null, "Lasting")]
    public void An_answer_is_tried_again_where_that_may_help(int status, string? code, string failure) =>
        Assert.That(RetryPolicy.Of((HttpStatusCode)status, code).ToString(), Is.EqualTo(failure));

    [TestCase(HttpRequestError.ConnectionError, "Connection")]
    [TestCase(HttpRequestError.ResponseEnded, "Connection")]
    [TestCase(HttpRequestError.NameResolutionError, "Lasting")]
    [TestCase(HttpRequestError.SecureConnectionError, "Lasting")]
    public void A_connection_that_fails_is_made_again_unless_the_name_or_the_certificate_is_wrong(HttpRequestError error, string failure) =>
        Assert.That(RetryPolicy.Of(new HttpRequestException(error)).ToString(), Is.EqualTo(failure));

    [Test]
    public void A_reset_connection_is_made_again() =>
        Assert.That(RetryPolicy.Of(new HttpRequestException("x", new IOException())), Is.EqualTo(Failure.Connection));

    [TestCase("Connection", 3, 700, 1_400)]
    [TestCase("Busy", 4, 3_750, 7_500)]
    [TestCase("Lasting", 0, 0, 0)]
    public void The_waits_are_half_random_and_have_an_end(string name, int count, double least, double most)
    {
        var failure = Enum.Parse<Failure>(name);
        Assert.Multiple(() =>
        {
            Assert.That(Waits(failure, random: 0), Has.Count.EqualTo(count));
            Assert.That(Waits(failure, random: 0).Sum(wait => wait.TotalMilliseconds), Is.EqualTo(least).Within(1));
            Assert.That(Waits(failure, random: 1).Sum(wait => wait.TotalMilliseconds), Is.EqualTo(most).Within(1));
        });
    }

    [Test]
    public void A_write_whose_first_attempt_nobody_ends_is_waited_for_longer_than_the_minute_after_which_it_lapses() =>
        Assert.That(Waits(Failure.Running, random: 0).Sum(wait => wait.TotalSeconds), Is.GreaterThan(65));

    [Test]
    public void What_the_platform_asks_for_is_waited_for_and_a_little_more_up_to_30_seconds()
    {
        Assert.Multiple(() =>
        {
            Assert.That(RetryPolicy.WaitAfter(Failure.Busy, 1, TimeSpan.FromSeconds(4), random: 0), Is.EqualTo(TimeSpan.FromSeconds(4)));
            Assert.That(RetryPolicy.WaitAfter(Failure.Busy, 1, TimeSpan.FromSeconds(4), random: 1), Is.EqualTo(TimeSpan.FromSeconds(5)));
            Assert.That(RetryPolicy.WaitAfter(Failure.Busy, 1, TimeSpan.FromSeconds(-4), random: 1), Is.EqualTo(TimeSpan.Zero));
            Assert.That(RetryPolicy.WaitAfter(Failure.Busy, 1, TimeSpan.FromSeconds(31), random: 0), Is.Null);
            Assert.That(RetryPolicy.WaitAfter(Failure.Busy, 5, TimeSpan.FromSeconds(4), random: 0), Is.Null);
        });
    }

    private static List<TimeSpan> Waits(Failure failure, double random)
    {
        var waits = new List<TimeSpan>();
        while (RetryPolicy.WaitAfter(failure, waits.Count + 1, asked: null, random) is { } wait)
        {
            waits.Add(wait);
        }

        return waits;
    }
}
