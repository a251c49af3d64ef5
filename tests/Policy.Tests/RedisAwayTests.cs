using EnvPlatform.Testing;

namespace EnvPlatform.Policy.Tests;

public sealed class RedisAwayTests
{
    [Test]
    public async Task Without_Redis_PostgreSQL_answers_and_nothing_old_is_left_when_it_is_back()
    {
        await using var redis = new PrivateRedis();
        await redis.StartAsync();
        await using var platform = await PolicyPlatform.StartAsync(
            instances: 2, more: new Dictionary<string, string?> { ["ConnectionStrings:redis"] = redis.ConnectionString });
        await CheckActivationTests.UntilRedisAsync(platform, 0, "healthy");
        await CheckActivationTests.UntilRedisAsync(platform, 1, "healthy");
        var environment = await platform.LogAsync();
        Assert.That(await platform.StatusAsync(environment, 1), Is.EqualTo("ok"), "in the memory of the other instance");

        await redis.StopAsync();
        await CheckActivationTests.UntilRedisAsync(platform, 1, "degraded");
        using var blocked = await platform.SetAsync(environment, new { status = "block" }, instance: 0);
        Assert.That((int)blocked.StatusCode, Is.EqualTo(200));
        Assert.That(await platform.StatusAsync(environment, 0), Is.EqualTo("block"));
        Assert.That(await platform.StatusAsync(environment, 1), Is.EqualTo("block"), "no message can have reached it");

        await redis.StartAsync();
        await CheckActivationTests.UntilRedisAsync(platform, 0, "healthy");
        await CheckActivationTests.UntilRedisAsync(platform, 1, "healthy");
        Assert.That(await platform.StatusAsync(environment, 1), Is.EqualTo("block"));
        using var free = await platform.SetAsync(environment, new { status = "ok" }, instance: 0);
        await Eventually.BecomesTrueAsync(
            async () => await platform.StatusAsync(environment, 1) == "ok", "invalidations are heard again", seconds: 1);
    }

    [Test]
    public async Task A_service_that_starts_without_Redis_works_and_uses_it_once_it_is_there()
    {
        await using var redis = new PrivateRedis();
        await using var platform = await PolicyPlatform.StartAsync(
            more: new Dictionary<string, string?> { ["ConnectionStrings:redis"] = redis.ConnectionString });
        var environment = await platform.LogAsync();
        Assert.That(await platform.StatusAsync(environment), Is.EqualTo("ok"));
        await redis.StartAsync();
        await CheckActivationTests.UntilRedisAsync(platform, 0, "healthy");
        using var _ = await platform.SetAsync(environment, new { status = "warn" });
        Assert.That(await platform.StatusAsync(environment), Is.EqualTo("warn"));
    }
}
