using EnvPlatform.Contracts.Events;

using MassTransit;

namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// Each gateway hears of every token that is void from now on, by a queue that lives as long as its process. What is missed while the
/// broker is away is made up for by the age that answers of Identity may reach.
/// </summary>
internal sealed class ForgetRevokedTokens(TokenMemory tokens) : IConsumer<TokenRevoked>
{
    public static void OfThisProcess(IEndpointRegistrationConfigurator endpoint)
    {
        endpoint.Temporary = true;
        endpoint.InstanceId = "-" + Guid.CreateVersion7().ToString("N");
    }

    public Task Consume(ConsumeContext<TokenRevoked> context)
    {
        tokens.Forget(context.Message.Tokens);
        return Task.CompletedTask;
    }
}
