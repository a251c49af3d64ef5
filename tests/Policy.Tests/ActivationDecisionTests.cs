using EnvPlatform.Contracts;
using EnvPlatform.Contracts.Ids;
using EnvPlatform.Policy.Activations;

namespace EnvPlatform.Policy.Tests;

public sealed class ActivationDecisionTests
{
    private static readonly DateTimeOffset SetAt = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly EnvironmentId Environment = EnvironmentId.New(SetAt);

    [Test]
    public void Nothing_known_is_an_answer_of_its_own() =>
        Assert.That(ActivationDecision.Decide(null), Is.EqualTo(ActivationAnswer.Unknown));

    [Test]
    public void An_environment_that_nobody_said_anything_of_may_be_used()
    {
        var answer = ActivationDecision.Decide(new(Environment, Owner: null, null, null, null, EnvironmentStatus.Ok, null));
        Assert.That((answer.Status, answer.Message, answer.EnvironmentId),
            Is.EqualTo((ActivationStatus.Ok, (string?)null, (EnvironmentId?)Environment)));
        Assert.That(answer.Reasons, Is.Empty);
    }

    [TestCase("Warn")]
    [TestCase("Block")]
    public void A_status_set_by_hand_is_given_with_its_message_and_since_when(string name)
    {
        var answer = ActivationDecision.Decide(
            new(Environment, Owner: null, Enum.Parse<EnvironmentStatus>(name), "Update openssl.", SetAt, EnvironmentStatus.Block, null));
        Assert.That((answer.Status, answer.Message, answer.EnvironmentId),
            Is.EqualTo((Enum.Parse<ActivationStatus>(name), "Update openssl.", (EnvironmentId?)Environment)));
        Assert.That(answer.Reasons, Is.EqualTo(new[] { new ActivationReason("manual", "Update openssl.", SetAt) }));
    }
}
