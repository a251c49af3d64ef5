using EnvPlatform.Contracts.Events;

using MassTransit;

namespace EnvPlatform.Gateway.Callers;

/// <summary>
/// Each gateway receives every revocation, on a queue that lives as long as its process. Revocations missed while the broker is unavailable
/// take effect when the cached answers of Identity expire.
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
